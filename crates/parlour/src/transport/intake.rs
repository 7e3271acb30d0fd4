//! How the doors that own a socket read it: into one buffer of the worker, which no connection holds while nothing comes, and with one
//! call for what came.

use std::cell::RefCell;
use std::io;

use rustix::net::RecvFlags;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes of the read buffer that all connections of a worker share.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// What a socket had.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Intake<R> {
    /// Bytes, and what was made of them.
    Some(R),
    /// Nothing for now.
    Nothing,
    /// Its end: the other side closed it, or it broke.
    End,
}

/// Reads what is there, without waiting, and gives it to `take`.
pub(super) fn take_in<R>(stream: &TcpStream, take: impl FnOnce(&mut [u8]) -> R) -> Intake<R> {
    BUFFER.with_borrow_mut(|buffer| match receive(stream, buffer) {
        Ok(0) => Intake::End,
        Ok(length) => Intake::Some(take(&mut buffer[..length])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Intake::Nothing,
        Err(_) => Intake::End,
    })
}

/// `TcpStream::try_read`, but for this: less than there was room for is all that there was, and Tokio is told so. It would have the
/// kernel asked once more for each message. That the other side has closed it still knows.
fn receive(stream: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut short = 0;
    let received = stream.try_io(Interest::READABLE, || match rustix::net::recv(stream, &mut *buffer, RecvFlags::DONTWAIT) {
        Ok((length, _)) if (1..buffer.len()).contains(&length) => {
            short = length;
            Err(io::ErrorKind::WouldBlock.into())
        }
        Ok((length, _)) => Ok(length),
        Err(error) => Err(error.into()),
    });
    if short > 0 { Ok(short) } else { received }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::task::Poll;

    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (listener.accept().await.unwrap().0, other)
    }

    /// Whether the runtime takes the stream for readable now.
    async fn is_readable(stream: &TcpStream) -> bool {
        let mut readable = Box::pin(stream.readable());
        poll_fn(|context| Poll::Ready(readable.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test]
    async fn what_came_is_taken_with_one_call_and_what_comes_later_is_noticed() {
        let (stream, mut other) = pair().await;
        for word in [&b"one"[..], b"two"] {
            other.write_all(word).await.unwrap();
            stream.readable().await.unwrap();
            assert_eq!(take_in(&stream, |bytes| bytes.to_vec()), Intake::Some(word.to_vec()));
            assert!(!is_readable(&stream).await, "it would be asked again");
        }
        assert_eq!(take_in(&stream, |_| ()), Intake::Nothing);
    }

    #[tokio::test]
    async fn an_end_that_came_with_the_last_words_is_noticed_after_them() {
        let (stream, mut other) = pair().await;
        other.write_all(b"bye").await.unwrap();
        other.shutdown().await.unwrap();
        // Both are there before anything is read.
        while !stream.ready(Interest::READABLE).await.unwrap().is_read_closed() {
            tokio::task::yield_now().await;
        }
        assert_eq!(take_in(&stream, |bytes| bytes.to_vec()), Intake::Some(b"bye".to_vec()));
        stream.readable().await.unwrap();
        assert_eq!(take_in(&stream, |_| ()), Intake::End);
    }

    #[tokio::test]
    async fn what_is_larger_than_the_buffer_comes_in_turns() {
        let (stream, mut other) = pair().await;
        let sent = tokio::spawn(async move { other.write_all(&vec![7; 3 * READ_BYTES]).await.map(|()| other) });
        let mut length = 0;
        while length < 3 * READ_BYTES {
            stream.readable().await.unwrap();
            if let Intake::Some(some) = take_in(&stream, |bytes| bytes.len()) {
                length += some;
            }
        }
        sent.await.unwrap().unwrap();
        assert_eq!(length, 3 * READ_BYTES);
    }
}
