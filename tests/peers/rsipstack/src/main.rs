//! A telephone on rsipstack. Lines of its input say what to do, and it says what happens by lines
//! of its output, so that a test waits for lines.
//!
//! ```text
//! rsipstack-phone SERVER USER PASSWORD udp|tcp [as-it-is]
//! ```
//!
//! | told | does, and says |
//! |---|---|
//! | `register SECONDS` | keeps registered: `registered`, `kept` each time; `refused STATUS` |
//! | `unregister` | `unregistered` |
//! | `call NUMBER` | `calling`, then `talking`, or `ended …` |
//! | | when called: `ringing USER UDP`; answers 180 by itself |
//! | `answer`, `reject STATUS` | `talking`; `ended …` |
//! | `hangup` | BYE, or CANCEL: `ended …` |
//! | `say HZ`, `hear HZ` | a tone from now on; `heard HZ` once it is heard |
//! | `hear HZ HZ …` | `heard HZ HZ …` once these are heard together, and nothing else |
//! | `offer DIRECTION` | a re-INVITE: `answered STATUS DIRECTION` |
//! | `info KEY` | a key by SIP INFO: `info STATUS` |
//! | `press KEY` | a key in the sound (RFC 4733): `pressed KEY` |
//!
//! A re-INVITE of the server's is answered and said: `offered DIRECTION`. Its sound is that of the
//! scripted telephones in `tests/live`; all of its signaling is rsipstack's.
//!
//! **Invariant:** it ends when its input does.
//!
//! **Deliberately absent:** a second call at the same time; anything of the server's own code.

use std::io::{BufRead, Write};
use std::net::SocketAddr;

use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::platform::CancellationToken;
use rsipstack::sip::Transport;
use rsipstack::transport::udp::UdpConnection;
use rsipstack::transport::{SipAddr, TransportLayer};
use rsipstack::{EndpointBuilder, Error, Result};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::spelling::Spelling;
use crate::telephone::{Telephone, Who};

#[path = "../../../live/clock.rs"]
mod clock;
#[path = "../../../live/media.rs"]
#[allow(dead_code, reason = "more is asked of scripted telephones")]
mod media;
#[path = "../../../live/sound.rs"]
#[allow(dead_code, reason = "more is asked of scripted telephones")]
mod sound;
mod spelling;
mod telephone;
#[path = "../../../live/wire.rs"]
#[allow(dead_code, reason = "of SIP nothing, of SDP all")]
mod wire;

/// Says what happened.
fn tell(event: &str) {
    let mut out = std::io::stdout().lock();
    // A test that does not listen any more will close our input, too.
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [server, user, password, transport, more @ ..] = arguments.as_slice() else {
        return Err(Error::Error("SERVER USER PASSWORD udp|tcp [as-it-is]".to_owned()));
    };
    let server: SocketAddr =
        server.parse().map_err(|_| Error::Error(format!("{server} is no address")))?;
    let who = Who {
        user: user.clone(),
        password: password.clone(),
        server: SipAddr {
            r#type: Some(if transport == "tcp" { Transport::Tcp } else { Transport::Udp }),
            addr: server.into(),
        },
    };
    let as_it_is = more.iter().any(|word| word == "as-it-is");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(run(who, as_it_is))
}

async fn run(who: Who, as_it_is: bool) -> Result<()> {
    let cancel = CancellationToken::new();
    let transports = TransportLayer::new(cancel.clone());
    // Also beside TCP: rsipstack takes the address in Via from its listeners.
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    let udp = UdpConnection::create_connection(local, None, Some(cancel.child_token())).await?;
    transports.add_transport(udp.into());
    let mut builder = EndpointBuilder::new();
    builder.with_cancel_token(cancel).with_transport_layer(transports);
    if !as_it_is {
        builder.with_inspector(Box::new(Spelling));
    }
    let endpoint = builder.build();
    let mut incoming = endpoint.incoming_transactions()?;
    let layer = DialogLayer::new(endpoint.inner.clone());
    let (states, mut changes) = layer.new_dialog_state_channel();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { endpoint.serve().await });
    let mut lines = lines();
    let mut phone = Telephone::new(who, layer, states).await?;
    tell("ready");
    loop {
        tokio::select! {
            line = lines.recv() => match line {
                Some(line) => phone.told(&line).await?,
                None => return Ok(()),
            },
            Some(transaction) = incoming.recv() => phone.asked(transaction).await?,
            Some(state) = changes.recv() => phone.changed(state).await?,
        }
    }
}

/// The lines of our input, read by a thread of their own.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(std::io::Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
