//! The telephone: a registration and a call.
//!
//! **Invariant:** there is one call at a time; an INVITE during it gets a 486.
//!
//! **Deliberately absent:** waiting. What takes its time is a task, and says when it is done.

use std::sync::Arc;

use rsipstack::dialog::DialogId;
use rsipstack::dialog::authenticate::Credential;
use rsipstack::dialog::dialog::{DialogState, DialogStateSender, TransactionHandle};
use rsipstack::dialog::dialog_layer::DialogLayer;
use rsipstack::dialog::invitation::InviteOption;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::dialog::registration::{RefreshOutcome, Registration};
use rsipstack::platform::CancellationToken;
use rsipstack::sip::headers::ContentType;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Auth, Header, Method, Request, StatusCode, StatusCodeKind, Uri};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::TransactionRole;
use rsipstack::transport::SipAddr;
use rsipstack::{Error, Result};
use tokio::task::{JoinHandle, JoinSet};

use crate::clock::SOON;
use crate::media::Media;
use crate::sound::Codec;
use crate::tell;
use crate::wire::{Message, sdp};

/// The laws this telephone knows, the one it likes first.
const LAWS: [Codec; 2] = [Codec::Ulaw, Codec::Alaw];

pub(crate) struct Who {
    pub user: String,
    pub password: String,
    pub server: SipAddr,
}

impl Who {
    fn credential(&self) -> Credential {
        Credential {
            username: self.user.clone(),
            password: self.password.clone(),
            ..Credential::default()
        }
    }

    /// `user` there.
    fn at(&self, user: &str, there: &SipAddr) -> Uri {
        let auth = Some(Auth { user: user.to_owned(), password: None });
        Uri { auth, ..Uri::from(there) }
    }
}

/// A registration that is kept, until its token says that it is to end.
struct Kept {
    token: CancellationToken,
    task: JoinHandle<Registration>,
}

pub(crate) struct Telephone {
    who: Who,
    contact: Uri,
    layer: Arc<DialogLayer>,
    states: DialogStateSender,
    media: Arc<Media>,
    /// What the sound is sent in.
    law: Codec,
    kept: Option<Kept>,
    call: Option<InviteDialog>,
    talking: bool,
    sdp_version: u32,
    tasks: JoinSet<()>,
}

impl Telephone {
    /// Connected to its server, where that is by TCP.
    pub(crate) async fn new(
        who: Who,
        layer: DialogLayer,
        states: DialogStateSender,
    ) -> Result<Self> {
        let (line, _) = layer.endpoint.transport_layer.lookup(&who.server, None).await?;
        Ok(Self {
            contact: who.at(&who.user, line.get_addr()),
            who,
            layer: Arc::new(layer),
            states,
            media: Arc::new(Media::at(0)),
            law: LAWS[0],
            kept: None,
            call: None,
            talking: false,
            sdp_version: 0,
            tasks: JoinSet::new(),
        })
    }

    // ---- its orders ----

    pub(crate) async fn told(&mut self, line: &str) -> Result<()> {
        let (verb, what) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "register" => self.register(number(what)?).await,
            "unregister" => self.unregister().await,
            "call" => self.dial(what),
            "answer" => self.answer(),
            "reject" => self.reject(number(what)?),
            "hangup" => self.hang_up(),
            "say" => {
                self.media.say(Some(number(what)?));
                Ok(())
            }
            "hear" => self.hear(what),
            "offer" => self.offer(what),
            "info" => self.info(what),
            "press" => self.press(what),
            _ => Err(Error::Error(format!("what is {line}?"))),
        }
    }

    async fn register(&mut self, seconds: u32) -> Result<()> {
        let mut registration =
            Registration::new(self.layer.endpoint.clone(), Some(self.who.credential()));
        registration.contact = Some(self.contact.clone().into());
        let registrar = Uri::from(&self.who.server);
        match registration.register(registrar.clone(), Some(seconds)).await {
            Ok(response) if response.status_code.kind() == StatusCodeKind::Successful => {
                tell("registered");
            }
            Ok(response) => {
                tell(&format!("refused {}", response.status_code.code()));
                return Ok(());
            }
            Err(error) => {
                tell(&format!("failed {error}"));
                return Ok(());
            }
        }
        let token = CancellationToken::new();
        let told = token.clone();
        #[expect(clippy::disallowed_methods, reason = "joined by `unregister`, or never ended")]
        let task = tokio::spawn(async move {
            let said = |outcome: RefreshOutcome| match outcome {
                RefreshOutcome::Registered(_) => tell("kept"),
                RefreshOutcome::Rejected(answer) => {
                    tell(&format!("refused {}", answer.status_code.code()));
                }
                RefreshOutcome::Failed(error) => tell(&format!("failed {error}")),
            };
            registration.keep_alive(registrar, seconds, told, said).await;
            registration
        });
        self.kept = Some(Kept { token, task });
        Ok(())
    }

    async fn unregister(&mut self) -> Result<()> {
        let Some(kept) = self.kept.take() else { return Ok(()) };
        kept.token.cancel();
        let mut registration = kept.task.await.map_err(|error| Error::Error(error.to_string()))?;
        let answer = registration.register(Uri::from(&self.who.server), Some(0)).await?;
        match answer.status_code.kind() {
            StatusCodeKind::Successful => tell("unregistered"),
            _ => tell(&format!("refused {}", answer.status_code.code())),
        }
        Ok(())
    }

    fn dial(&mut self, to: &str) -> Result<()> {
        let option = InviteOption {
            caller: self.who.at(&self.who.user, &self.who.server),
            callee: self.who.at(to, &self.who.server),
            destination: Some(self.who.server.clone()),
            offer: Some(self.describe(&LAWS, "sendrecv")),
            contact: self.contact.clone(),
            credential: Some(self.who.credential()),
            ..InviteOption::default()
        };
        let (call, end) = self.layer.do_invite_async(option, self.states.clone())?;
        self.call = Some(call);
        tell("calling");
        self.tasks.spawn(async move {
            if let Ok(Err(error)) = end.await {
                tell(&format!("failed {error}"));
            }
        });
        Ok(())
    }

    fn answer(&mut self) -> Result<()> {
        let call = self.call.clone().ok_or_else(nobody)?;
        self.aim(&call.initial_request().body);
        let body = self.describe(&[self.law], "sendrecv");
        call.accept(Some(vec![sdp_type()]), Some(body))
    }

    fn reject(&mut self, status: u16) -> Result<()> {
        let call = self.call.clone().ok_or_else(nobody)?;
        call.reject(Some(StatusCode::from(status)), None)
    }

    fn hang_up(&mut self) -> Result<()> {
        let call = self.call.clone().ok_or_else(nobody)?;
        self.tasks.spawn(async move {
            if let Err(error) = call.hangup().await {
                tell(&format!("failed {error}"));
            }
        });
        Ok(())
    }

    /// A re-INVITE.
    fn offer(&mut self, direction: &str) -> Result<()> {
        let call = self.call.clone().ok_or_else(nobody)?;
        let body = self.describe(&[self.law], direction);
        self.tasks.spawn(async move {
            match call.reinvite(Some(vec![sdp_type()]), Some(body)).await {
                Ok(Some(answer)) => {
                    let (status, direction) = (answer.status_code.code(), as_message(&answer.body));
                    tell(&format!("answered {status} {}", direction.direction()));
                }
                Ok(None) => tell("failed: no answer to INVITE"),
                Err(error) => tell(&format!("failed {error}")),
            }
        });
        Ok(())
    }

    fn hear(&self, tones: &str) -> Result<()> {
        let tones_hz = tones.split(' ').map(number).collect::<Result<Vec<f64>>>()?;
        let (media, tones) = (Arc::clone(&self.media), tones.to_owned());
        std::thread::spawn(move || {
            if media.hears_all(&tones_hz, SOON).is_some() {
                tell(&format!("heard {tones}"));
            }
        });
        Ok(())
    }

    fn press(&self, key: &str) -> Result<()> {
        let key = key.chars().next().ok_or_else(|| Error::Error("which key?".to_owned()))?;
        let media = Arc::clone(&self.media);
        std::thread::spawn(move || {
            media.press(key);
            tell(&format!("pressed {key}"));
        });
        Ok(())
    }

    fn info(&mut self, key: &str) -> Result<()> {
        let call = self.call.clone().ok_or_else(nobody)?;
        let body = format!("Signal={key}\r\nDuration=160\r\n").into_bytes();
        let content = Header::ContentType(ContentType::new("application/dtmf-relay"));
        self.tasks.spawn(async move {
            match call.info(Some(vec![content]), Some(body)).await {
                Ok(Some(answer)) => tell(&format!("info {}", answer.status_code.code())),
                Ok(None) => tell("failed: no answer to INFO"),
                Err(error) => tell(&format!("failed {error}")),
            }
        });
        Ok(())
    }

    // ---- what the server asks ----

    pub(crate) async fn asked(&mut self, mut request: Transaction) -> Result<()> {
        if let Some(mut dialog) = self.layer.match_dialog(&request) {
            self.tasks.spawn(async move {
                if let Err(error) = dialog.handle(&mut request).await {
                    tell(&format!("failed {error}"));
                }
            });
            return Ok(());
        }
        match request.original.method {
            Method::Invite if self.call.is_none() => self.ring(request),
            Method::Invite => request.reply(StatusCode::BusyHere).await,
            Method::Options => request.reply(StatusCode::OK).await,
            _ => request.reply(StatusCode::CallTransactionDoesNotExist).await,
        }
    }

    fn ring(&mut self, mut request: Transaction) -> Result<()> {
        let (states, contact) = (self.states.clone(), Some(self.contact.clone()));
        let mut call = self.layer.get_or_create_server_invite(&request, states, None, contact)?;
        self.call = Some(call.clone());
        let from = request.original.from_header()?.uri()?;
        let from = from.auth.map(|auth| auth.user).unwrap_or_default();
        let line = request.connection.as_ref().and_then(|line| line.get_addr().r#type);
        call.ringing(None, None)?;
        tell(&format!("ringing {from} {}", line.unwrap_or_default()));
        self.tasks.spawn(async move {
            if let Err(error) = call.handle(&mut request).await {
                tell(&format!("failed {error}"));
            }
        });
        Ok(())
    }

    /// The state of a call changed.
    pub(crate) async fn changed(&mut self, state: DialogState) -> Result<()> {
        match state {
            DialogState::Confirmed(_, answer) if !self.talking => {
                self.talking = true;
                if self.role() == Some(TransactionRole::Client) {
                    self.aim(&answer.body);
                }
                tell("talking");
            }
            DialogState::Updated(_, request, handle) => self.offered(&request, &handle).await,
            DialogState::Info(_, _, handle) | DialogState::Options(_, _, handle) => {
                let _ = handle.reply(StatusCode::OK).await;
            }
            DialogState::Terminated(id, reason) => {
                self.ended(&id);
                tell(&format!("ended {reason:?}"));
            }
            _ => {}
        }
        Ok(())
    }

    /// A re-INVITE or an UPDATE.
    async fn offered(&mut self, request: &Request, handle: &TransactionHandle) {
        let direction = as_message(&request.body).direction().to_owned();
        self.aim(&request.body);
        let turned = match direction.as_str() {
            "sendonly" => "recvonly",
            "recvonly" => "sendonly",
            other => other,
        };
        let body = self.describe(&[self.law], turned);
        let _ = handle.respond(StatusCode::OK, Some(vec![sdp_type()]), Some(body)).await;
        tell(&format!("offered {direction}"));
    }

    fn ended(&mut self, id: &DialogId) {
        self.layer.remove_dialog(id);
        if self.call.as_ref().is_some_and(|call| call.id().call_id == id.call_id) {
            self.call = None;
            self.talking = false;
        }
    }

    fn role(&self) -> Option<TransactionRole> {
        self.call.as_ref().map(InviteDialog::role)
    }

    // ---- sound ----

    /// To where this SDP says.
    fn aim(&mut self, body: &[u8]) {
        if !body.is_empty() {
            let (target, law) = as_message(body).sdp();
            self.law = law;
            self.media.aim(target, law);
        }
    }

    fn describe(&mut self, laws: &[Codec], direction: &str) -> Vec<u8> {
        self.sdp_version += 1;
        sdp(self.media.port, self.sdp_version, laws, direction).into_bytes()
    }
}

/// What reads SDP reads it in a message.
fn as_message(body: &[u8]) -> Message {
    let body = String::from_utf8_lossy(body).into_owned();
    Message { start: String::new(), headers: Vec::new(), body }
}

fn sdp_type() -> Header {
    Header::ContentType(ContentType::new("application/sdp"))
}

fn nobody() -> Error {
    Error::Error("there is no call".to_owned())
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::Error(format!("{text} is no number")))
}
