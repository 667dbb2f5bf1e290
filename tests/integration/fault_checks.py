"""The fault harness's judgement, on histories made by hand: what is wrong is flagged, and as what; what is right is not."""

import dataclasses
import pathlib
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "integration"), str(TESTS / "support"), str(TESTS)]

from faults.check_appends import token
from faults.check_registers import value_of
from faults.checker import check
from faults.history import AMBIGUOUS, ERROR, LOST, OK, LossWindow, Op
from faults.load import Record
from faults.wire import ErrorReply, Parser, pack
from slots import slot_of
from trial import clients
from trial.notes import Notes


class Writer:
    """Makes a history: each operation begins after the one before it ended, unless told otherwise."""

    def __init__(self):
        self.ops = []
        self.now = 1.0
        self._numbers = {}

    def op(self, kind, *keys, client=0, value=None, reply=None, outcome=OK, sent=None, done=None):
        number = self._numbers.get(client, 0)
        self._numbers[client] = number + 1
        sent = self.now if sent is None else sent
        done = sent + 0.5 if done is None else done
        self.now = max(self.now, done) + 0.5
        made = Op(client, number, kind, keys, value, sent, 0.0 if outcome == LOST else done, outcome, reply)
        self.ops.append(made)
        return made

    def kinds(self, finals, windows=()):
        return sorted({violation.kind for violation in check(self.ops, finals, windows).violations})


def window(key, begin, end):
    return LossWindow(frozenset([slot_of(key)]), begin, end)


class Case(unittest.TestCase):
    def setUp(self):
        self.history = Writer()
        self.op = self.history.op

    def expect(self, kinds, finals, windows=()):
        self.assertEqual(self.history.kinds(finals, windows), kinds)


class Counters(Case):
    def count(self, *numbers, **options):
        for number in numbers:
            self.op("INCR", "n", reply=number, **options)

    def test_a_faultless_history_is_not_flagged(self):
        self.count(1, 2)
        self.count(3, client=1)
        self.expect([], {"n": "3"})

    def test_more_than_was_asked_for_is_a_duplicate(self):
        self.count(1, 2)
        self.expect(["duplicated"], {"n": "3"})

    def test_an_ambiguous_one_counts_once_or_not_at_all_but_never_twice(self):
        self.count(1)
        self.op("INCR", "n", outcome=AMBIGUOUS)
        self.expect([], {"n": "1"})
        self.expect([], {"n": "2"})
        self.expect(["duplicated"], {"n": "3"})

    def test_one_without_a_reply_counts_once_or_not_at_all(self):
        self.op("INCR", "n", outcome=LOST)
        self.expect([], {"n": None})
        self.expect([], {"n": "1"})
        self.expect(["duplicated"], {"n": "2"})

    def test_a_refused_one_must_not_have_been_carried_out(self):
        self.count(1)
        self.op("INCR", "n", outcome=ERROR, reply="CLUSTERDOWN")
        self.expect(["duplicated"], {"n": "2"})

    def test_less_than_was_acknowledged_is_lost(self):
        self.count(1, 2, 3)
        self.expect(["lost"], {"n": "2"})

    def test_one_number_twice_is_a_loss(self):
        self.count(1)
        self.op("INCR", "n", client=1, reply=1, sent=1.0)
        self.assertIn("lost", self.history.kinds({"n": "2"}))

    def test_numbers_that_fall_are_out_of_order(self):
        for number in (2, 1):
            self.op("INCR", "n", reply=number, sent=1.0, done=2.0)
        self.expect(["reordered"], {"n": "2"})

    def test_a_smaller_number_after_a_greater_one_was_answered_is_stale(self):
        self.count(2)
        self.count(1, client=1)
        self.expect(["stale"], {"n": "2"})

    def test_concurrent_increments_may_be_answered_in_either_order(self):
        self.op("INCR", "n", client=0, reply=2, sent=1.0, done=3.0)
        self.op("INCR", "n", client=1, reply=1, sent=1.0, done=2.0)
        self.expect([], {"n": "2"})

    def test_another_commands_reply_is_misrouted(self):
        self.op("INCR", "n", reply="OK")
        self.assertIn("misrouted", self.history.kinds({"n": "1"}))

    def test_two_watched_transactions_on_one_value_have_lost_an_update(self):
        for client in range(2):
            self.op("WATCHED", "n", client=client, value=1, reply=["OK"], sent=1.0)
        self.assertIn("lost", self.history.kinds({"n": "1"}))

    def test_a_watched_transaction_that_was_not_run_counts_nothing(self):
        self.op("WATCHED", "n", value=1, reply=["OK"])
        self.op("WATCHED", "n", value=2, reply=None)
        self.expect([], {"n": "1"})


class Losses(Case):
    """What a killed master had acknowledged and not replicated is Redis's own loss, and only that."""

    def test_what_was_acknowledged_in_the_window_may_be_gone(self):
        for number in (1, 2):
            self.op("INCR", "n", reply=number)
        self.expect(["lost"], {"n": "1"})
        self.expect([], {"n": "1"}, [window("n", 2.0, 9.0)])
        self.assertEqual(check(self.history.ops, {"n": "1"}, [window("n", 2.0, 9.0)]).redis_lost, 1)

    def test_what_was_acknowledged_before_it_may_not(self):
        for number in (1, 2):
            self.op("INCR", "n", reply=number)
        self.expect(["lost"], {"n": "0"}, [window("n", 2.0, 9.0)])

    def test_what_is_acknowledged_after_it_may_not_although_it_was_sent_within(self):
        self.op("INCR", "n", reply=1, sent=2.0, done=6.0)
        lossy = LossWindow(frozenset([slot_of("n")]), 1.0, 3.0)
        self.expect(["lost"], {"n": None}, [lossy])
        self.expect([], {"n": None}, [dataclasses.replace(lossy, delayed=True)])

    def test_other_slots_have_no_part_in_it(self):
        self.op("INCR", "n", reply=1)
        self.expect(["lost"], {"n": None}, [window("other", 0.0, 9.0)])

    def test_what_a_wait_has_confirmed_may_not(self):
        self.op("INCR", "n", reply=1)
        self.op("WAIT", reply=1)
        self.expect(["lost"], {"n": None}, [window("n", 0.0, 9.0)])

    def test_a_wait_confirms_nothing_that_came_before_another_wait(self):
        self.op("INCR", "n", reply=1)
        self.op("WAIT", reply=0)
        self.op("INCR", "n", reply=2)
        self.op("WAIT", reply=1)
        self.expect([], {"n": "1"}, [window("n", 0.0, 9.0)])
        self.expect(["lost"], {"n": None}, [window("n", 0.0, 9.0)])

    def test_a_wait_without_replica_confirms_nothing(self):
        self.op("INCR", "n", reply=1)
        self.op("WAIT", reply=0)
        self.expect([], {"n": None}, [window("n", 0.0, 9.0)])

    def test_a_successor_may_give_a_lost_number_again(self):
        self.op("INCR", "n", reply=1, sent=1.0, done=2.0)
        self.op("INCR", "n", reply=1, sent=5.0, done=6.0)
        self.expect([], {"n": "1"}, [window("n", 1.5, 4.0)])

    def test_a_register_may_fall_back_to_what_was_safe_and_not_below(self):
        for version in (1, 2, 3):
            self.op("SET", "r", value=version, reply="OK")
        last = window("r", self.history.ops[2].sent, self.history.now)
        self.expect([], {"r": value_of("r", 2)}, [last])
        self.expect(["lost"], {"r": value_of("r", 1)}, [last])

    def test_appended_text_may_end_earlier_and_not_have_holes_before_the_window(self):
        tokens = [token(0, number) for number in range(3)]
        for at, text in enumerate(tokens):
            self.op("APPEND", "a", value=text, reply=11 * (at + 1))
        last = window("a", self.history.ops[2].sent, self.history.now)
        self.expect([], {"a": "".join(tokens[:2])}, [last])
        self.expect(["lost"], {"a": tokens[0] + tokens[2]}, [last])


class Pairs(Case):
    def test_counters_of_one_transaction_stay_equal(self):
        self.op("PAIR", "{t}a", "{t}b", reply=[1, 1])
        self.expect([], {"{t}a": "1", "{t}b": "1"})

    def test_half_a_transaction_is_torn(self):
        self.op("PAIR", "{t}a", "{t}b", outcome=AMBIGUOUS)
        self.expect(["torn"], {"{t}a": "1", "{t}b": None})

    def test_a_reply_with_an_error_within_is_torn_or_misrouted(self):
        self.op("PAIR", "{t}a", "{t}b", reply=[1, ErrorReply("MOVED 1 x:1")])
        self.assertIn("torn", self.history.kinds({"{t}a": "1", "{t}b": "1"}))


class Appends(Case):
    def setUp(self):
        super().setUp()
        self.tokens = [token(0, number) for number in range(3)]
        for at, text in enumerate(self.tokens):
            self.op("APPEND", "a", value=text, reply=11 * (at + 1), sent=1.0, done=2.0)

    def test_a_faultless_history_is_not_flagged(self):
        self.expect([], {"a": "".join(self.tokens)})

    def test_a_token_twice_is_a_duplicate(self):
        self.assertIn("duplicated", self.history.kinds({"a": "".join(self.tokens + self.tokens[:1])}))

    def test_an_acknowledged_token_that_is_missing_is_lost(self):
        self.expect(["lost"], {"a": "".join(self.tokens[:2])})

    def test_tokens_in_another_order_than_sent_are_reordered(self):
        first, second, third = self.tokens
        self.assertIn("reordered", self.history.kinds({"a": second + first + third}))

    def test_a_token_of_somebody_else_is_misrouted(self):
        self.assertIn("misrouted", self.history.kinds({"a": "".join(self.tokens) + token(1, 0)}))

    def test_an_ambiguous_token_may_be_there_once(self):
        self.op("APPEND", "a", value=token(0, 3), outcome=AMBIGUOUS)
        self.expect([], {"a": "".join(self.tokens)})
        self.expect([], {"a": "".join(self.tokens) + token(0, 3)})
        self.assertIn("duplicated", self.history.kinds({"a": "".join(self.tokens) + 2 * token(0, 3)}))

    def test_a_refused_token_must_not_be_there(self):
        self.op("APPEND", "a", value=token(0, 3), outcome=ERROR, reply="CLUSTERDOWN")
        self.expect(["duplicated"], {"a": "".join(self.tokens) + token(0, 3)})

    def test_a_length_that_is_not_the_tokens_own_is_misrouted(self):
        self.op("APPEND", "a", value=token(0, 3), reply=99)
        self.expect(["misrouted"], {"a": "".join(self.tokens) + token(0, 3)})


class SlotOrder(Case):
    """Two keys of one slot, each written by client 0 in turn."""

    A, B = "{t}a", "{t}b"

    def write(self, key, version, **options):
        self.op("SET", key, value=version, reply="OK", **options)

    def read(self, key, version, client=1, **options):
        self.op("GET", key, client=client, reply=version and value_of(key, version), **options)

    def finals(self, a, b):
        return {self.A: value_of(self.A, a), self.B: value_of(self.B, b)}

    def in_flight(self):
        """Two writes that are answered only in the end, so that nobody knows of them but by what is read."""
        self.write(self.A, 1, sent=1, done=90)
        self.write(self.B, 1, sent=1, done=90)
        self.history.now = 2

    def test_a_faultless_history_is_not_flagged(self):
        self.in_flight()
        self.read(self.B, None)
        self.read(self.A, 1)
        self.read(self.B, 1)
        self.read(self.A, 1, client=2)
        self.expect([], self.finals(1, 1))

    def test_who_sees_the_later_write_sees_the_earlier_one_to_another_key_after_that(self):
        self.in_flight()
        self.read(self.B, 1)
        self.read(self.A, None, client=2)
        self.expect(["reordered"], self.finals(1, 1))

    def test_a_client_sees_them_in_the_order_in_which_it_asked_whenever_it_was_answered(self):
        self.in_flight()
        self.read(self.B, 1, sent=3, done=9)
        self.read(self.A, None, sent=3, done=9)
        self.expect(["reordered"], self.finals(1, 1))

    def test_two_clients_that_ask_at_the_same_time_may_see_either(self):
        self.in_flight()
        self.read(self.B, 1, sent=3, done=9)
        self.read(self.A, None, client=2, sent=3, done=9)
        self.expect([], self.finals(1, 1))

    def test_keys_of_different_slots_have_no_order(self):
        self.write("a", 1, sent=1, done=90)
        self.write("b", 1, sent=1, done=90)
        self.history.now = 2
        self.read("b", 1)
        self.read("a", None)
        self.expect([], {"a": value_of("a", 1), "b": value_of("b", 1)})

    def test_a_write_that_is_ambiguous_need_not_be_seen_and_one_that_is_seen_still_tells(self):
        self.write(self.A, 1, sent=1, outcome=AMBIGUOUS)
        self.write(self.B, 1, sent=1, outcome=AMBIGUOUS)
        self.read(self.B, 1)
        self.read(self.A, None)
        self.expect([], {self.A: None, self.B: value_of(self.B, 1)})

    def test_parts_of_one_command_have_no_order_among_themselves(self):
        self.op("MSET", self.A, self.B, value=1, reply="OK", sent=1, done=90)
        self.history.now = 2
        self.read(self.B, 1)
        self.read(self.A, None)
        self.expect([], self.finals(1, 1))

    def test_redis_may_lose_what_it_acknowledged_in_a_window(self):
        self.write(self.A, 1)
        self.write(self.B, 1, sent=20)
        self.read(self.B, 1)
        self.read(self.A, None)
        self.expect([], {self.A: None, self.B: value_of(self.B, 1)}, [window(self.A, 0, 10)])


class Registers(Case):
    def write(self, version, kind="SET", **options):
        self.op(kind, "r", value=version, reply=1 if kind == "DEL" else "OK", **options)

    def read(self, version, client=1, **options):
        self.op("GET", "r", client=client, reply=version and value_of("r", version), **options)

    def test_a_faultless_history_is_not_flagged(self):
        self.read(None)
        self.write(1)
        self.read(1)
        self.write(2, "DEL")
        self.read(None)
        self.write(3)
        self.read(3, client=0)
        self.expect([], {"r": value_of("r", 3)})

    def test_an_older_version_than_was_acknowledged_is_stale(self):
        self.write(1)
        self.write(2)
        self.read(1)
        self.expect(["stale"], {"r": value_of("r", 2)})

    def test_nil_after_an_acknowledged_write_is_stale(self):
        self.write(1)
        self.read(None)
        self.expect(["stale"], {"r": value_of("r", 1)})

    def test_a_value_after_its_acknowledged_deletion_is_stale(self):
        self.write(1)
        self.write(2, "DEL")
        self.read(1)
        self.expect(["stale"], {"r": None})

    def test_in_a_pipeline_the_own_earlier_write_is_seen(self):
        self.write(1, sent=1.0, done=2.0)
        self.read(None, client=0, sent=1.0, done=2.0)
        self.expect(["stale"], {"r": value_of("r", 1)})

    def test_in_a_pipeline_the_own_later_write_is_not_seen(self):
        self.read(1, client=0, sent=1.0, done=2.0)
        self.write(1, sent=1.0, done=2.0)
        self.expect(["reordered"], {"r": value_of("r", 1)})

    def test_a_concurrent_write_may_be_seen_or_not(self):
        self.write(1, sent=1.0, done=9.0)
        self.read(None, sent=2.0, done=3.0)
        self.read(1, client=2, sent=4.0, done=5.0)
        self.expect([], {"r": value_of("r", 1)})

    def test_what_one_client_saw_another_sees_too(self):
        self.write(1)
        self.write(2, sent=3.0, done=9.0)
        self.read(2, sent=4.0, done=5.0)
        self.read(1, client=2, sent=6.0, done=7.0)
        self.expect(["stale"], {"r": value_of("r", 2)})

    def test_the_value_of_another_key_is_misrouted(self):
        self.op("GET", "r", reply=value_of("other", 1))
        self.expect(["misrouted"], {"r": None})

    def test_an_ambiguous_write_may_be_seen_or_not(self):
        self.write(1)
        self.write(2, outcome=AMBIGUOUS)
        self.expect([], {"r": value_of("r", 1)})
        self.expect([], {"r": value_of("r", 2)})

    def test_a_refused_write_must_not_be_seen(self):
        self.write(1, outcome=ERROR)
        self.read(1)
        self.assertIn("duplicated", self.history.kinds({"r": value_of("r", 1)}))

    def test_an_older_version_in_the_end_is_a_loss(self):
        self.write(1)
        self.write(2)
        self.expect(["lost"], {"r": value_of("r", 1)})

    def test_each_key_of_an_mget_is_checked(self):
        self.op("MSET", "r", "s", value=1, reply="OK")
        self.op("MGET", "r", "s", reply=[value_of("s", 1), value_of("r", 1)])
        self.assertIn("misrouted", self.history.kinds({"r": value_of("r", 1), "s": value_of("s", 1)}))

    def test_a_shorter_mget_is_misrouted(self):
        self.op("MGET", "r", "s", reply=[None])
        self.expect(["misrouted"], {})


class Queues(Case):
    def push(self, *items, **options):
        for item in items:
            self.op("PUSH", "q", value=item, reply=1, **options)

    def pop(self, *items, client=1, **options):
        for item in items:
            self.op("POP", "q", client=client, reply=item, **options)

    def test_a_faultless_history_is_not_flagged(self):
        self.push("a", "b", "c")
        self.pop("a", ["q", "b"], None)
        self.expect([], {"q": ["c"]})

    def test_an_item_that_comes_out_twice_is_a_duplicate(self):
        self.push("a")
        self.pop("a", "a")
        self.expect(["duplicated"], {"q": []})

    def test_an_item_that_is_still_there_after_it_came_out_is_a_duplicate(self):
        self.push("a")
        self.pop("a")
        self.expect(["duplicated"], {"q": ["a"]})

    def test_an_item_twice_in_the_list_is_a_duplicate(self):
        self.push("a", outcome=AMBIGUOUS)
        self.expect(["duplicated"], {"q": ["a", "a"]})

    def test_an_item_that_nobody_took_and_is_not_there_is_lost(self):
        self.push("a")
        self.expect(["lost"], {"q": []})

    def test_an_ambiguous_pop_may_have_taken_one_item_and_no_more(self):
        self.push("a")
        self.op("POP", "q", client=1, outcome=AMBIGUOUS)
        self.expect([], {"q": []})
        self.push("b")
        self.expect(["lost"], {"q": []})

    def test_items_come_out_in_the_order_in_which_they_went_in(self):
        self.push("a", "b")
        self.pop("b", "a")
        self.expect(["reordered"], {"q": []})

    def test_the_order_holds_within_a_pipeline_of_pops(self):
        self.push("a", "b")
        self.pop("b", "a", sent=9.0, done=10.0)
        self.expect(["reordered"], {"q": []})

    def test_concurrent_pops_of_two_clients_may_end_in_any_order(self):
        self.push("a", "b")
        self.pop("b", client=1, sent=9.0, done=10.0)
        self.pop("a", client=2, sent=9.0, done=11.0)
        self.expect([], {"q": []})

    def test_an_earlier_item_must_not_be_left_over(self):
        self.push("a", "b")
        self.pop("b")
        self.expect(["reordered"], {"q": ["a"]})

    def test_a_refused_item_must_not_come_out(self):
        self.push("a", outcome=ERROR)
        self.pop("a")
        self.expect(["duplicated"], {"q": []})

    def test_the_reply_of_a_blocking_pop_names_its_key(self):
        self.push("a")
        self.pop(["other", "a"])
        self.assertIn("misrouted", self.history.kinds({"q": ["a"]}))


class Echoes(Case):
    def test_the_reply_to_another_request_is_misrouted(self):
        self.op("ECHO", value="x", reply="y")
        self.expect(["misrouted"], {})


class Trial(Case):
    """Of scripts/migration-trial, which knows what it has done meanwhile."""

    def setUp(self):
        super().setUp()
        self.notes = Notes(began=0.0)

    def complaints(self, finals, **record):
        made = {"dropped": 0, "refused": 0, "hung": 0, "stalled_seconds": 0.0, **record}
        return clients.judge(Record(self.history.ops, **made), finals, self.notes).complaints

    def test_a_faultless_history_has_nothing_to_complain_of(self):
        self.op("INCR", "n", reply=1)
        self.assertEqual(self.complaints({"n": "1"}), [])

    def test_what_is_lost_refused_or_never_answered_is_complained_of(self):
        self.op("INCR", "n", reply=1)
        self.op("SET", "r", value=1, outcome=ERROR, reply="ERR no")
        self.assertEqual(len(self.complaints({"n": "0"}, hung=1, refused=1)), 4)

    def test_an_ambiguous_reply_needs_a_server_that_has_ended(self):
        self.op("INCR", "n", outcome=AMBIGUOUS, reply="AMBIGUOUS", sent=5.0, done=6.0)
        self.assertEqual(len(self.complaints({"n": "1"})), 1)
        self.notes.ends.append(5.5)
        self.assertEqual(self.complaints({"n": "1"}), [])

    def test_what_an_upgrade_leaves_unanswered_has_not_been_done(self):
        self.op("INCR", "n", outcome=LOST, sent=5.0)
        self.assertEqual(len(self.complaints({"n": "0"})), 1)
        self.notes.upgrades.append((4.0, 6.0))
        self.assertEqual(self.complaints({"n": "0"}), [])
        self.assertEqual(len(self.complaints({"n": "1"})), 1)

    def test_redis_itself_may_lose_something_only_when_nobody_asked_the_replica(self):
        self.op("INCR", "n", reply=1, sent=4.9, done=5.0)
        self.assertEqual(len(self.complaints({"n": "0"})), 1)
        self.notes.may_lose(5.0)
        self.assertEqual(self.complaints({"n": "0"}), [])


class Wire(unittest.TestCase):
    def test_replies_are_found_in_whatever_pieces_they_come(self):
        data = b"+OK\r\n:7\r\n$-1\r\n$5\r\na\r\nbc\r\n-ERR no\r\n*2\r\n*-1\r\n*1\r\n$0\r\n\r\n*0\r\n"
        expected = ["OK", 7, None, "a\r\nbc", "ERR no", [None, [""]], []]
        for size in (1, 2, 3, 7, len(data)):
            parser = Parser()
            found = [reply for at in range(0, len(data), size) for reply in parser.feed(data[at:at + size])]
            self.assertEqual(found, expected)
            self.assertIsInstance(found[4], ErrorReply)
            self.assertNotIsInstance(found[0], ErrorReply)

    def test_what_is_no_reply_is_an_error(self):
        with self.assertRaises(ValueError):
            Parser().feed(b"?\r\n")

    def test_requests_are_arrays_of_bulk_strings(self):
        self.assertEqual(pack(("SET", "k", 1)), b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n1\r\n")


if __name__ == "__main__":
    unittest.main(verbosity=1)
