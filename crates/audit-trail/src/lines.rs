//! Lines of a segment, forwards and backwards, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use crate::line::MAX_LINE;

/// Reads a segment from its beginning.
#[derive(Debug)]
pub(crate) struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
}

/// What came next.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A line, without its newline.
    Whole(&'a [u8]),
    /// Bytes at the end without a newline.
    Torn(&'a [u8]),
}

impl Lines {
    pub(crate) fn new(file: File) -> Self {
        Self { reader: BufReader::with_capacity(256 << 10, file), line: Vec::new() }
    }

    pub(crate) fn next(&mut self) -> io::Result<Option<Step<'_>>> {
        self.line.clear();
        let limit = MAX_LINE as u64;
        let read = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
        Ok(match self.line.strip_suffix(b"\n") {
            _ if read == 0 => None,
            Some(line) => Some(Step::Whole(line)),
            // No trail wrote so long a line: it is given on and fails its check.
            None if read == MAX_LINE => Some(Step::Whole(&self.line)),
            None => Some(Step::Torn(&self.line)),
        })
    }
}

/// Shows the whole lines of `file` from the last to the first; a torn one at the end is passed over.
pub(crate) fn backwards(
    file: &mut File,
    budget: &mut u64,
    mut show: impl FnMut(&[u8]) -> ControlFlow<()>,
) -> io::Result<ControlFlow<()>> {
    const BLOCK: u64 = 64 << 10;
    let mut position = file.seek(SeekFrom::End(0))?;
    let mut carry: Vec<u8> = Vec::new();
    let mut past_the_end = true;
    while position > 0 {
        let size = position.min(BLOCK);
        position -= size;
        if carry.len() > MAX_LINE {
            // No trail wrote so long a line: it is given on and fails its check.
            return Ok(show(&carry));
        }
        if *budget < size {
            return Ok(ControlFlow::Break(()));
        }
        *budget -= size;
        file.seek(SeekFrom::Start(position))?;
        let mut block = Vec::new();
        file.by_ref().take(size).read_to_end(&mut block)?;
        block.append(&mut carry);
        carry = block;
        while let Some(newline) = carry.iter().rposition(|byte| *byte == b'\n') {
            let line = carry.split_off(newline + 1);
            carry.truncate(newline);
            if !std::mem::take(&mut past_the_end) && show(&line).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    match past_the_end {
        true => Ok(ControlFlow::Continue(())),
        false => Ok(show(&carry)),
    }
}
