//! The ledger against a naive one: whatever happens, no budget is overspent and the sums are equal.

use std::collections::HashMap;
use std::time::Duration;

use gambeson_core::{Clock, ManualClock, Money, Principal, Timestamp};
use gambeson_cost_guard::{Budget, Calendar, CostGuard, Hold, Scope};
use proptest::prelude::*;

use crate::support::{builder, clock, person, usd};

#[derive(Debug, Clone)]
enum Step {
    Reserve { who: usize, amount: i64 },
    Extend { which: usize, amount: i64 },
    Incur { which: usize, percent: i64 },
    Settle { which: usize, percent: i64 },
    Drop { which: usize },
    Advance { seconds: u64 },
    SetBack { seconds: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_usize, 0..60_i64).prop_map(|(who, amount)| Step::Reserve { who, amount }),
        2 => (0..8_usize, 0..30_i64).prop_map(|(which, amount)| Step::Extend { which, amount }),
        2 => (0..8_usize, 0..=50_i64).prop_map(|(which, percent)| Step::Incur { which, percent }),
        3 => (0..8_usize, 0..=100_i64).prop_map(|(which, percent)| Step::Settle { which, percent }),
        2 => (0..8_usize).prop_map(|which| Step::Drop { which }),
        1 => (0..40_000_u64).prop_map(|seconds| Step::Advance { seconds }),
        1 => (0..90_000_u64).prop_map(|seconds| Step::SetBack { seconds }),
    ]
}

/// One budget: what each key has spent and holds in each of its windows.
struct Naive {
    limit: i64,
    calendar: Option<u64>,
    shared: bool,
    cells: HashMap<(usize, u64), (i64, i64)>,
}

impl Naive {
    fn key(&self, who: usize, now: u64) -> (usize, u64) {
        (if self.shared { 0 } else { who }, self.calendar.map_or(0, |length| now / length))
    }

    fn cell(&mut self, key: (usize, u64)) -> &mut (i64, i64) {
        self.cells.entry(key).or_default()
    }
}

struct Open {
    hold: Hold,
    who: usize,
    keys: Vec<(usize, u64)>,
    held: i64,
    incurred: i64,
}

struct World {
    clock: ManualClock,
    guard: CostGuard,
    people: [Principal; 3],
    budgets: Vec<Naive>,
    open: Vec<Open>,
    /// The latest moment that a reservation saw.
    latest: u64,
}

fn millis(money: Money) -> i64 {
    money.nanos() / 1_000_000
}

impl World {
    fn new() -> Self {
        let clock = clock();
        let budget = |pattern, limit| Budget::money(pattern, usd(limit)).hold_share(100);
        let guard = builder(&clock)
            .budget(budget("user/{subject}", 100).per(Calendar::day("UTC")))
            .budget(budget("app", 200).per(Calendar::hour("UTC")))
            .budget(budget("life/{subject}", 400))
            .build()
            .unwrap();
        let naive = |limit, calendar, shared| Naive { limit, calendar, shared, cells: HashMap::new() };
        let budgets =
            vec![naive(100, Some(86_400), false), naive(200, Some(3_600), true), naive(400, None, false)];
        let people = ["alice", "bob", "carol"].map(person);
        Self { clock, guard, people, budgets, open: Vec::new(), latest: 0 }
    }

    fn now(&mut self) -> u64 {
        self.latest = self.latest.max(self.clock.now().unix_seconds().cast_unsigned());
        self.latest
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Reserve { who, amount } => self.reserve(who, amount),
            Step::Extend { which, amount } => self.extend(which, amount),
            Step::Incur { which, percent } => {
                if let Some(open) = pick(&mut self.open, which) {
                    let more = (open.held - open.incurred) * percent / 100;
                    open.hold.incur(usd(more)).unwrap();
                    open.incurred += more;
                }
            }
            Step::Settle { which, percent } => {
                if let Some(mut open) = take(&mut self.open, which) {
                    let actual = open.held * percent / 100;
                    open.hold.settle(usd(actual)).unwrap();
                    open.hold.settle(usd(actual + 1)).unwrap();
                    self.ended(&open, actual);
                }
            }
            Step::Drop { which } => {
                if let Some(open) = take(&mut self.open, which) {
                    let incurred = open.incurred;
                    self.ended(&open, incurred);
                }
            }
            Step::Advance { seconds } => self.clock.advance(Duration::from_secs(seconds)),
            Step::SetBack { seconds } => {
                let back = self.clock.now().minus(Duration::from_secs(seconds));
                self.clock.set(back.max(Timestamp::from_unix_seconds(1_795_000_000)));
            }
        }
    }

    fn reserve(&mut self, who: usize, amount: i64) {
        let now = self.now();
        let keys: Vec<(usize, u64)> = self.budgets.iter().map(|budget| budget.key(who, now)).collect();
        let holds = self.holds_of(who);
        let fits = self.budgets.iter_mut().zip(&keys).all(|(budget, key)| {
            let (spent, held) = *budget.cell(*key);
            let share = !budget.shared || holds == 0 || holds + amount <= budget.limit;
            share && spent + held + amount <= budget.limit
        });
        let answer =
            self.guard.reserve(&Scope::principal(&self.people[who]), usd(amount)).ready().ok().unwrap();
        assert_eq!(answer.is_ok(), fits, "reserve {amount} for {who}");
        if let Ok(hold) = answer {
            self.budgets.iter_mut().zip(&keys).for_each(|(budget, key)| budget.cell(*key).1 += amount);
            self.open.push(Open { hold, who, keys, held: amount, incurred: 0 });
        }
    }

    fn extend(&mut self, which: usize, amount: i64) {
        self.now();
        let Some(who) = pick(&mut self.open, which).map(|open| open.who) else { return };
        let holds = self.holds_of(who);
        let Some(open) = pick(&mut self.open, which) else { return };
        let fits = self.budgets.iter_mut().zip(&open.keys).all(|(budget, key)| {
            let (spent, held) = *budget.cell(*key);
            let share = !budget.shared || holds == open.held || holds + amount <= budget.limit;
            share && spent + held + amount <= budget.limit && open.held + amount <= budget.limit
        });
        assert_eq!(open.hold.extend(usd(amount)).is_ok(), fits, "extend by {amount}");
        if fits {
            self.budgets.iter_mut().zip(&open.keys).for_each(|(budget, key)| budget.cell(*key).1 += amount);
            open.held += amount;
        }
    }

    /// What a caller holds at the time, of all windows: the share of a budget that callers share is of that.
    fn holds_of(&self, who: usize) -> i64 {
        self.open.iter().filter(|open| open.who == who).map(|open| open.held).sum()
    }

    fn ended(&mut self, open: &Open, spent: i64) {
        for (budget, key) in self.budgets.iter_mut().zip(&open.keys) {
            let cell = budget.cell(*key);
            *cell = (cell.0 + spent, cell.1 - open.held);
        }
    }

    fn check(&mut self) {
        let now = self.now();
        for who in 0..3 {
            let standing = self.guard.remaining(&Scope::principal(&self.people[who]));
            for (budget, real) in self.budgets.iter_mut().zip(standing) {
                let key = budget.key(who, now);
                let (spent, held) = *budget.cell(key);
                assert_eq!(
                    (millis(real.spent), millis(real.held)),
                    (spent, held),
                    "{} of {who}",
                    real.budget
                );
                assert!(spent + held <= budget.limit);
            }
        }
    }
}

fn pick(open: &mut [Open], which: usize) -> Option<&mut Open> {
    let length = open.len();
    open.get_mut(which.checked_rem(length)?)
}

fn take(open: &mut Vec<Open>, which: usize) -> Option<Open> {
    let place = which.checked_rem(open.len())?;
    Some(open.swap_remove(place))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_ledger_keeps_what_a_naive_one_keeps(steps in prop::collection::vec(step(), 1..120)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
            world.check();
        }
    }
}
