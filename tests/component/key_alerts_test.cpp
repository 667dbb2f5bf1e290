// Who waits for something in several slots is told by the nodes that a key has changed, in the order of
// coming; see waiting_test.cpp for what a look is, and for those whom nobody tells.
#include <array>

#include "batch.h"

namespace slotless::test {

namespace {
constexpr std::string_view kNone = "$-1\r\n";
constexpr std::string_view kNothing = ":0\r\n";
constexpr std::string_view kSomething = ":1\r\n";
constexpr std::string_view kAll = ">2\r\n$10\r\ninvalidate\r\n_\r\n";

std::string changed(std::string_view key) {
  return ">2\r\n$10\r\ninvalidate\r\n*1\r\n" + bulk(key);
}

struct Alerted : Stage {
  using Ears = std::array<FakeConnection*, kNodes + 2>;

  void looks(std::string_view a = kNothing, std::string_view b = kNothing, std::size_t nodeOfB = 2) {
    const Received first = node(1).expects("EXISTS a");
    const Received second = node(nodeOfB).expects("EXISTS b");
    CHECK(&first.connection() != ears[1]);
    second.replies(b);
    first.replies(a);
  }
  void confirms(std::size_t number, Ears& where) {
    const Received asked = node(number).expects("CLIENT TRACKING ON");
    where[number] = &asked.connection();
    asked.replies(kOk);
  }
  void watches(std::size_t number, std::string_view key, std::string_view reply = kNothing) {
    const Received asked = node(number).expects("EXISTS " + std::string(key));
    CHECK(&asked.connection() == ears[number]);
    asked.replies(reply);
  }
  // The first look finds nothing, nor does the one behind the connections that tell.
  void waits(std::string_view command = "BLPOP a b 0") {
    client.sends(command);
    node(1).expects("LPOP a").replies(kNone);
    looks();
    confirms(1, ears);
    confirms(2, ears);
    clock.advance(1ms);
    looks();
    watches(1, "a");
    watches(2, "b");
  }
  // Behind another one.
  void waitsToo(FakeClient& who) {
    who.sends("BLPOP a b 0");
    node(1).expects("LPOP a").replies(kNone);
    looks();
  }
  void pushes(std::size_t number, std::string_view bytes) {
    ears.at(number)->push(bytes);
    settle();
  }
  void gives(FakeClient& who, std::string_view element) {
    node(2).expects("LPOP b").replies(bulk(element));
    who.receives("*2\r\n" + bulk("b") + bulk(element));
  }
  void nobodyLooks() {
    node(1).expectsNothing();
    node(2).expectsNothing();
  }
  Ears ears{};
};

struct AlertedWorkers : Alerted {
  AlertedWorkers() { workers = 2; }
  FakeClient& far = addClient(1);
};
}  // namespace

TEST_CASE_METHOD(Alerted, "who waits over slots looks when a node tells of a key") {
  waits();
  clock.advance(900ms);
  nobodyLooks();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(client, "x");
  CHECK(metrics().blockedClients.value() == 0);
}

TEST_CASE_METHOD(Alerted, "what is told has been taken by another one: the key is watched again") {
  waits();
  pushes(2, changed("b"));
  looks();
  watches(2, "b");
  clock.advance(900ms);
  nobodyLooks();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(client, "x");
}

TEST_CASE_METHOD(Alerted, "what comes between a look and the watching is seen by the watching") {
  waits();
  pushes(2, changed("b"));
  looks();
  watches(2, "b", kSomething);
  looks(kNothing, kSomething);
  gives(client, "x");
}

TEST_CASE_METHOD(Alerted, "what is told during a look is not forgotten") {
  waits();
  pushes(2, changed("b"));
  const Received a = node(1).expects("EXISTS a");
  const Received b = node(2).expects("EXISTS b");
  pushes(1, changed("a"));
  b.replies(kNothing);
  a.replies(kNothing);
  watches(1, "a", kSomething);
  watches(2, "b");
  looks(kSomething);
  node(1).expects("LPOP a").replies(bulk("x"));
  client.receives("*2\r\n" + bulk("a") + bulk("x"));
}

TEST_CASE_METHOD(Alerted, "it looks once a second, in case that word was lost, and keeps its time") {
  waits("BLPOP a b 2.5");
  clock.advance(998ms);
  nobodyLooks();
  clock.advance(2ms);
  looks();
  clock.advance(1000ms);
  looks();
  clock.advance(498ms);
  client.receivesNothing();
  clock.advance(2ms);
  client.receives(kNil);
}

TEST_CASE_METHOD(Alerted, "a node that is emptied, or whose connection breaks, is looked at") {
  waits();
  pushes(1, kAll);
  looks();
  watches(1, "a");
  ears[2]->reset();
  settle();
  looks();
  confirms(2, ears);
  clock.advance(1ms);
  looks();
  watches(2, "b");
  clock.advance(900ms);
  nobodyLooks();
}

TEST_CASE_METHOD(Alerted, "a slot that has another master is watched there") {
  waits();
  giveSlot("b", 3);
  settle();
  looks(kNothing, kNothing, 3);
  confirms(3, ears);
  clock.advance(1ms);
  looks(kNothing, kNothing, 3);
  watches(3, "b");
  pushes(3, changed("b"));
  looks(kNothing, kSomething, 3);
  node(3).expects("LPOP b").replies(bulk("x"));
  client.receives("*2\r\n" + bulk("b") + bulk("x"));
}

TEST_CASE_METHOD(Alerted, "where a node denies it, it looks again and again") {
  client.sends("BLPOP a b 0");
  node(1).expects("LPOP a").replies(kNone);
  looks();
  node(1).expects("CLIENT TRACKING ON").replies("-NOPERM no\r\n");
  node(2).expects("CLIENT TRACKING ON").replies("-NOPERM no\r\n");
  for (const auto pause : {1ms, 2ms, 4ms, 8ms, 16ms, 32ms, 50ms, 50ms}) {
    clock.advance(pause);
    looks();
  }
  clock.advance(50ms);
  looks(kNothing, kSomething);
  gives(client, "x");
}

TEST_CASE_METHOD(Alerted, "where a slot is being moved nothing is told of its key") {
  waits();
  pushes(2, changed("b"));
  looks();
  watches(2, "b", "-ASK 7 10.0.0.1:7003\r\n");
  for (const auto pause : {1ms, 2ms, 4ms}) {
    clock.advance(pause);
    looks();
    watches(2, "b", "-ASK 7 10.0.0.1:7003\r\n");
  }
}

TEST_CASE_METHOD(Alerted, "who has waited longest is served first, then the next one has its turn") {
  FakeClient& second = addClient();
  FakeClient& third = addClient();
  waits();
  waitsToo(second);
  waitsToo(third);
  clock.advance(100ms);
  nobodyLooks();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(client, "1");
  // It asks for both keys, and one element is left.
  watches(1, "a");
  watches(2, "b", kSomething);
  looks(kNothing, kSomething);
  gives(second, "2");
  watches(1, "a");
  watches(2, "b");
  third.receivesNothing();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(third, "3");
}

TEST_CASE_METHOD(Alerted, "who leaves the line lets the next one in") {
  FakeClient& second = addClient();
  FakeClient& third = addClient();
  waits();
  waitsToo(second);
  waitsToo(third);
  client.resets();
  settle();
  watches(1, "a");
  watches(2, "b");
  third.resets();
  settle();
  nobodyLooks();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(second, "x");
}

TEST_CASE_METHOD(Alerted, "who looks for long, since a node does not answer, lets the next one go first") {
  FakeClient& second = addClient();
  waits();
  waitsToo(second);
  pushes(2, changed("b"));
  const Received a = node(1).expects("EXISTS a");
  const Received b = node(2).expects("EXISTS b");
  clock.advance(101ms);
  watches(1, "a");
  watches(2, "b", kSomething);
  const Received secondA = node(1).expects("EXISTS a");
  const Received secondB = node(2).expects("EXISTS b");
  b.replies(kNothing);
  a.replies(kNothing);
  secondB.replies(kSomething);
  secondA.replies(kNothing);
  gives(second, "x");
  // The first one has its turn again; nothing has been told of the other key.
  watches(2, "b");
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(client, "y");
}

TEST_CASE_METHOD(AlertedWorkers, "the line is one for all workers") {
  waits();
  waitsToo(far);
  clock.advance(100ms);
  nobodyLooks();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(client, "1");
  settle();
  // The other worker has connections of its own.
  confirms(1, ears);
  confirms(2, ears);
  clock.advance(2ms);
  looks();
  watches(1, "a");
  watches(2, "b");
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(far, "2");
}

TEST_CASE_METHOD(Alerted, "a stream is there always, so it is looked at once behind the watching") {
  client.sends("XREAD BLOCK 0 STREAMS a b 0 0");
  const auto reads = [&](std::string_view fromB = kNil) {
    node(1).expects("XREAD STREAMS a 0").replies(kNil);
    node(2).expects("XREAD STREAMS b 0").replies(fromB);
  };
  reads();
  confirms(1, ears);
  confirms(2, ears);
  clock.advance(1ms);
  reads();
  watches(1, "a", kSomething);
  watches(2, "b", kSomething);
  reads();
  clock.advance(900ms);
  nobodyLooks();
  pushes(2, changed("b"));
  reads("*1\r\n*2\r\n" + bulk("b") + "*0\r\n");
  client.receives("*1\r\n*2\r\n" + bulk("b") + "*0\r\n");
}

TEST_CASE_METHOD(Alerted, "connections that tell are closed when nobody has waited for ten seconds") {
  waits();
  pushes(2, changed("b"));
  looks(kNothing, kSomething);
  gives(client, "x");
  CHECK(metrics().trackingLeases.value() == 2);
  clock.advance(9s);
  CHECK(metrics().trackingLeases.value() == 2);
  clock.advance(5s);
  CHECK(metrics().trackingLeases.value() == 0);
}

}  // namespace slotless::test
