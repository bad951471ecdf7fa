//! What is measured.

/// One call of a subject, to be repeated.
pub type Run = Box<dyn FnMut()>;

/// Which of a layer's four cases it is; the fourth, bare, is a subject of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The request passes, with everything warm.
    Pass,
    /// The request is refused.
    Reject,
    /// What the layer remembers holds nothing about this request.
    Miss,
    /// No request: a part of a layer, called by itself.
    Part,
}

/// One situation, and who is measured in it.
#[derive(Debug)]
pub struct Case {
    /// The crate's directory name.
    pub krate: &'static str,
    /// The name that targets use.
    pub name: &'static str,
    /// Which of the four cases.
    pub kind: Kind,
    /// In the order in which they run; `bare` first where there is one.
    pub subjects: Vec<Subject>,
    /// Whether instructions and allocations are counted, too: false where preparing takes too long under valgrind, or
    /// where other threads do part of the work.
    pub counted: bool,
}

/// One that does the work of a case.
#[derive(Debug, Clone, Copy)]
pub struct Subject {
    /// `bare`, `gambeson`, or a peer's name.
    pub name: &'static str,
    /// Makes everything ready, and checks that it does what the case says.
    pub prepare: fn() -> Run,
}

impl Case {
    /// A case without subjects.
    #[must_use]
    pub fn new(krate: &'static str, name: &'static str, kind: Kind) -> Self {
        Self { krate, name, kind, subjects: Vec::new(), counted: true }
    }

    /// Adds the service without a layer.
    #[must_use]
    pub fn bare(self, prepare: fn() -> Run) -> Self {
        self.peer("bare", prepare)
    }

    /// Adds ours.
    #[must_use]
    pub fn gambeson(self, prepare: fn() -> Run) -> Self {
        self.peer("gambeson", prepare)
    }

    /// Adds another one by name.
    #[must_use]
    pub fn peer(mut self, name: &'static str, prepare: fn() -> Run) -> Self {
        self.subjects.push(Subject { name, prepare });
        self
    }

    /// Measures its time only.
    #[must_use]
    pub fn timed_only(mut self) -> Self {
        self.counted = false;
        self
    }
}

/// A single value that is not a cost of one call: a duration, a size, a count.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// The crate's directory name.
    pub krate: &'static str,
    /// The name that targets use.
    pub case: &'static str,
    /// `gambeson`, or a peer's name.
    pub subject: &'static str,
    /// The metric's name in targets, which is its unit too.
    pub metric: &'static str,
    /// Finds it out.
    pub measure: fn() -> f64,
}
