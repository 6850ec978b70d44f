//! The circuit breaker of one router: who does not answer is left alone for a while.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Faults in a row that open the circuit.
const FAULTS: u32 = 5;

/// The first pause, and the longest: each that follows without an answer is twice as long.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// Counts faults in a row. Closed it lets all requests through, open none; when the pause
/// has passed, one goes first and decides for the others.
#[derive(Debug, Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    faults: u32,
    /// Length of the last pause; zero while closed.
    pause: Duration,
    until: Option<Instant>,
    /// One request tries whether the router is back.
    trying: bool,
    why: String,
}

/// A request that was let through; dropped without a word it says nothing of the router.
#[derive(Debug)]
pub(super) struct Turn<'b> {
    breaker: &'b Breaker,
    tries: bool,
}

impl Breaker {
    /// Lets a request through, or says why not.
    pub(super) fn pass(&self, now: Instant) -> Result<Turn<'_>, String> {
        let mut state = self.0.lock();
        let Some(until) = state.until else { return Ok(Turn { breaker: self, tries: false }) };
        if until > now || state.trying {
            return Err(state.words(now));
        }
        state.trying = true;
        Ok(Turn { breaker: self, tries: true })
    }

    /// Why the router is not asked now; `None` while it is.
    pub(super) fn trouble(&self, now: Instant) -> Option<String> {
        let state = self.0.lock();
        state.until.is_some().then(|| state.words(now))
    }
}

impl State {
    fn words(&self, now: Instant) -> String {
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        match left.is_zero() {
            true => format!("not asked: {}; about to be tried again", self.why),
            false => format!("not asked for {} s: {}", left.as_secs_f64().ceil(), self.why),
        }
    }

    fn open(&mut self, pause: Duration, now: Instant) {
        self.pause = pause;
        self.until = Some(now + pause);
    }
}

impl Turn<'_> {
    /// The router answered.
    pub(super) fn answered(self) {
        let mut state = self.breaker.0.lock();
        // of requests that began before the circuit opened, none closes it
        if state.until.is_none() || self.tries {
            *state = State { trying: state.trying, ..State::default() };
        }
    }

    /// The router did not answer, or not as it should.
    pub(super) fn fault(self, why: &str, now: Instant) {
        let mut state = self.breaker.0.lock();
        state.faults += 1;
        let opens = self.tries || (state.until.is_none() && state.faults >= FAULTS);
        if opens {
            let pause = if state.pause.is_zero() { PAUSE } else { state.pause * 2 };
            why.clone_into(&mut state.why);
            state.open(pause.min(LONGEST), now);
        }
    }

    /// The router asked to be left alone for so long.
    pub(super) fn told_to_wait(self, wait: Duration, why: &str, now: Instant) {
        let mut state = self.breaker.0.lock();
        why.clone_into(&mut state.why);
        state.open(wait.clamp(PAUSE, LONGEST), now);
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.tries {
            self.breaker.0.lock().trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn fail(breaker: &Breaker, times: u32, now: Instant) {
        for _ in 0..times {
            breaker.pass(now).expect("closed").fault("no answer", now);
        }
    }

    #[test]
    fn faults_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        fail(&breaker, FAULTS - 1, now);
        breaker.pass(now).expect("closed").answered();
        fail(&breaker, FAULTS - 1, now);
        assert_eq!(breaker.trouble(now), None);
        fail(&breaker, 1, now);
        let said = breaker.pass(now).expect_err("open");
        assert_eq!(said, "not asked for 5 s: no answer");
        assert_eq!(breaker.trouble(now), Some(said));
    }

    #[test]
    fn one_request_tries_after_the_pause_and_decides() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        fail(&breaker, FAULTS, start);
        breaker.pass(at(start, 4)).expect_err("open");
        let turn = breaker.pass(at(start, 5)).expect("one tries");
        breaker.pass(at(start, 5)).expect_err("the others wait for it");
        turn.fault("no answer", at(start, 6));
        // twice as long
        breaker.pass(at(start, 15)).expect_err("open");
        // given up: the next one tries
        drop(breaker.pass(at(start, 16)).expect("tries"));
        breaker.pass(at(start, 16)).expect("tries").answered();
        assert_eq!(breaker.trouble(at(start, 16)), None);
        breaker.pass(at(start, 16)).expect("closed");
        breaker.pass(at(start, 16)).expect("closed for all");
    }

    #[test]
    fn pauses_have_a_longest_one_and_the_router_may_name_its_own() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        fail(&breaker, FAULTS, now);
        for _ in 0..20 {
            now += LONGEST;
            breaker.pass(now).expect("tries").fault("no answer", now);
        }
        breaker.pass(now + LONGEST - Duration::from_secs(1)).expect_err("open");
        let breaker = Breaker::default();
        let turn = breaker.pass(now).expect("closed");
        turn.told_to_wait(Duration::from_secs(60), "answered 429", now);
        breaker.pass(at(now, 59)).expect_err("told to wait");
        breaker.pass(at(now, 60)).expect("tries").answered();
        breaker.pass(at(now, 60)).expect("closed");
    }

    #[test]
    fn those_that_began_before_it_opened_do_not_close_it() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        let early = breaker.pass(now).expect("closed");
        fail(&breaker, FAULTS, now);
        early.answered();
        breaker.pass(now).expect_err("open");
    }
}
