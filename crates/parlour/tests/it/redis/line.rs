//! A line to Redis in its own protocol (RESP2), for what a test asks of a server: blocking, one command at a time, no client library,
//! so that what the product uses is not what checks it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer may take. A frozen server's does not come.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What Redis answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Text(String),
    Number(i64),
    List(Vec<Reply>),
    Nothing,
    Error(String),
}

/// A connection.
pub struct Line {
    stream: BufReader<TcpStream>,
}

impl Line {
    pub fn open(address: SocketAddr) -> std::io::Result<Line> {
        let stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Line { stream: BufReader::new(stream) })
    }

    pub fn ask(&mut self, words: &[&str]) -> std::io::Result<Reply> {
        let mut command = format!("*{}\r\n", words.len());
        for word in words {
            command.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        self.stream.get_mut().write_all(command.as_bytes())?;
        self.reply()
    }

    fn reply(&mut self) -> std::io::Result<Reply> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let (kind, rest) = line.trim_end().split_at(1);
        let number = || rest.parse::<i64>().unwrap();
        Ok(match kind {
            "+" => Reply::Text(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            ":" => Reply::Number(number()),
            "$" if number() < 0 => Reply::Nothing,
            "$" => {
                let mut bytes = vec![0; number() as usize + 2];
                self.stream.read_exact(&mut bytes)?;
                bytes.truncate(bytes.len() - 2);
                Reply::Text(String::from_utf8_lossy(&bytes).into_owned())
            }
            "*" if number() < 0 => Reply::Nothing,
            "*" => Reply::List((0..number()).map(|_| self.reply()).collect::<std::io::Result<_>>()?),
            _ => panic!("not a reply: {line:?}"),
        })
    }
}

impl Reply {
    /// The text; empty where it is none.
    pub fn text(&self) -> &str {
        match self {
            Reply::Text(text) | Reply::Error(text) => text,
            _ => "",
        }
    }

    /// The number, also where it came as text; panics where it is none.
    pub fn number(&self) -> i64 {
        match self {
            Reply::Number(number) => *number,
            Reply::Text(text) => text.parse().unwrap(),
            other => panic!("not a number: {other:?}"),
        }
    }

    /// The members of a list; none where it is no list.
    pub fn list(&self) -> &[Reply] {
        match self {
            Reply::List(list) => list,
            _ => &[],
        }
    }
}
