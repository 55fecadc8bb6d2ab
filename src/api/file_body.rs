//! A stretch of a file as the body of an answer, read as fast as it is taken.
//!
//! **Invariant:** no more than one block of it is in memory, however long the file is and however
//! slow the reader; a body that cannot be sent to its end is cut off, and so not mistaken for
//! whole.
//!
//! **Deliberately absent:** which stretch: `recording` says.

use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

/// What is read at a time: two seconds of a call.
const BLOCK_LEN: u64 = 64 * 1024;

/// This many bytes, from where the file stands.
pub(super) struct FileBody {
    state: State,
    left: u64,
}

enum State {
    Resting(File),
    /// On a thread that may block.
    Reading(JoinHandle<io::Result<(File, Vec<u8>)>>),
    Over,
}

impl FileBody {
    pub(super) const fn new(file: File, len: u64) -> Self {
        Self { state: State::Resting(file), left: len }
    }

    fn begin(&self, file: File) -> State {
        if self.left == 0 {
            return State::Over;
        }
        let len = self.left.min(BLOCK_LEN);
        State::Reading(spawn_blocking(move || {
            let mut block = Vec::with_capacity(len as usize);
            (&file).take(len).read_to_end(&mut block)?;
            Ok((file, block))
        }))
    }

    /// A block that was read; an empty one means that the file is shorter than it was.
    fn block(&mut self, read: io::Result<(File, Vec<u8>)>) -> io::Result<Frame<Bytes>> {
        let (file, block) = read?;
        if block.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= block.len() as u64;
        self.state = State::Resting(file);
        Ok(Frame::data(Bytes::from(block)))
    }
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return Poll::Ready(None),
                State::Resting(file) => self.state = self.begin(file),
                State::Reading(mut job) => {
                    let Poll::Ready(read) = Pin::new(&mut job).poll(cx) else {
                        self.state = State::Reading(job);
                        return Poll::Pending;
                    };
                    let read = read.unwrap_or_else(|lost| Err(io::Error::other(lost)));
                    return Poll::Ready(Some(self.block(read)));
                }
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};

    use super::*;

    fn file(len: usize) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; len]).unwrap();
        file.seek(SeekFrom::Start(1)).unwrap();
        file
    }

    #[tokio::test]
    async fn a_body_comes_block_by_block_and_one_that_cannot_be_whole_is_an_error() {
        let len = 3 * BLOCK_LEN as usize;
        let mut body = FileBody::new(file(len), len as u64 - 1);
        assert_eq!(body.size_hint().exact(), Some(len as u64 - 1));
        let mut frames = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await
        {
            frames.push(frame.unwrap().into_data().unwrap().len() as u64);
        }
        assert_eq!(frames, [BLOCK_LEN, BLOCK_LEN, BLOCK_LEN - 1]);
        let mut short = FileBody::new(file(10), 20);
        let first = std::future::poll_fn(|cx| Pin::new(&mut short).poll_frame(cx)).await;
        assert_eq!(first.unwrap().unwrap().into_data().unwrap().len(), 9);
        let cut = std::future::poll_fn(|cx| Pin::new(&mut short).poll_frame(cx)).await;
        assert_eq!(cut.unwrap().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
