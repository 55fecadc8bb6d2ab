//! `server.database`: the address of a database of PostgreSQL's.
//!
//! **Invariant:** no message repeats the address: what was written there by mistake may be a
//! password.

use std::collections::BTreeMap;

use crate::config::Secret;
use crate::config::read::Section;

/// Where PostgreSQL listens by default.
const PORT: u16 = 5432;
const FORM: &str = "write postgres://USER@HOST:PORT/DATABASE, or for a socket on this machine \
                    postgres://USER@/DATABASE?host=/var/run/postgresql";

/// A database of PostgreSQL's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseServer {
    /// A name, an address, or the folder of a socket.
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: Option<Secret>,
    /// Of the database.
    pub name: String,
}

/// `None`: records are in the folder of the state.
pub(super) fn database(
    s: &mut Section<'_, '_>,
    variables: &BTreeMap<String, String>,
) -> Option<DatabaseServer> {
    let address = s.some_text("database");
    let password = s.secret("database_password", variables);
    let Some(address) = address else {
        if password.is_some() {
            let help = "without `server.database` records are in the folder `server.state`";
            s.problem("database_password", "is of no database", help);
        }
        return None;
    };
    if cfg!(not(feature = "postgres")) {
        let help = "use an attendant that was built with it, or leave `server.database` empty";
        s.problem("database", "this attendant was built without the feature `postgres`", help);
        return None;
    }
    match read(&address) {
        Ok(server) => Some(DatabaseServer { password, ..server }),
        Err((message, help)) => {
            s.problem("database", message, help);
            None
        }
    }
}

type Wrong = (&'static str, &'static str);

fn read(address: &str) -> Result<DatabaseServer, Wrong> {
    let rest = address.strip_prefix("postgres://").or(address.strip_prefix("postgresql://"));
    let (rest, query) = rest
        .map(|rest| rest.split_once('?').unwrap_or((rest, "")))
        .ok_or(("is no address of a database of PostgreSQL's", FORM))?;
    let (user, rest) = rest.rsplit_once('@').ok_or(("names no user", FORM))?;
    if user.contains(':') {
        let help = "write it as database_password, database_password_file or \
                    database_password_env: an address is printed and logged";
        return Err(("a password has no place in the address", help));
    }
    let (at, name) = rest.split_once('/').ok_or(("names no database", FORM))?;
    let (host, port) = host_and_port(at)?;
    let mut server = DatabaseServer {
        host: plain(host)?,
        port: port.unwrap_or(PORT),
        user: plain(user)?,
        password: None,
        name: plain(name)?,
    };
    for (key, value) in query.split('&').filter(|pair| !pair.is_empty()).map(pair) {
        match key {
            "host" if server.host.is_empty() => server.host = plain(value)?,
            "port" if port.is_none() => {
                server.port = value.parse().map_err(|_| ("names a port that is none", FORM))?;
            }
            "sslmode" if value == "disable" => {}
            "sslmode" => {
                let help = "what goes to the database is not encrypted: it belongs on this \
                            machine, or behind a tunnel (sslmode=disable says so)";
                return Err(("asks for encryption, which there is not", help));
            }
            _ => return Err(("asks for something that is not known", FORM)),
        }
    }
    if [&server.user, &server.name, &server.host].into_iter().any(String::is_empty) {
        return Err(("names no user, no host or no database", FORM));
    }
    Ok(server)
}

fn pair(pair: &str) -> (&str, &str) {
    pair.split_once('=').unwrap_or((pair, ""))
}

/// `HOST`, `HOST:PORT`, `[::1]:PORT` or nothing.
fn host_and_port(text: &str) -> Result<(&str, Option<u16>), Wrong> {
    let (host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((host, port)) => (host, port.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map(|port| port.parse().map_err(|_| ("names a port that is none", FORM)));
    Ok((host, port.transpose()?))
}

/// With what stands as `%40` as itself.
fn plain(text: &str) -> Result<String, Wrong> {
    let broken = ("has a % that is no character: %25 stands for it", FORM);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next(), rest.next()].map(|digit| digit.unwrap_or(b'-'));
        let digits = std::str::from_utf8(&digits).map_err(|_| broken)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| broken)?);
    }
    String::from_utf8(bytes).map_err(|_| broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_who_and_where() {
        let told = |address| {
            let DatabaseServer { host, port, user, name, .. } = read(address).unwrap();
            format!("{user} {host} {port} {name}")
        };
        assert_eq!(told("postgres://att@db.example/calls"), "att db.example 5432 calls");
        assert_eq!(told("postgresql://a%40b@[::1]:5433/calls"), "a@b ::1 5433 calls");
        assert_eq!(
            told("postgres://att@/calls?host=/run/postgresql&port=5434"),
            "att /run/postgresql 5434 calls"
        );
        assert_eq!(told("postgres://att@h/calls?sslmode=disable"), "att h 5432 calls");
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_and_the_address_is_not() {
        for (address, why) in [
            ("records.sqlite", "is no address"),
            ("mysql://a@b/c", "is no address"),
            ("postgres://b/c", "names no user"),
            ("postgres://a:hunter2@b/c", "a password has no place"),
            ("postgres://a@b", "names no database"),
            ("postgres://a@/c", "names no user, no host or no database"),
            ("postgres://a@b:x/c", "a port that is none"),
            ("postgres://a@b/c?sslmode=require", "asks for encryption"),
            ("postgres://a@b/c?pool=3", "not known"),
            ("postgres://a%zz@b/c", "has a %"),
        ] {
            let (message, help) = read(address).unwrap_err();
            assert!(message.contains(why), "{address}: {message}");
            assert!(!format!("{message}{help}").contains("hunter2"));
        }
    }
}
