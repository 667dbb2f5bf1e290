// Replies that are more than their client may leave unread: of any size, and nobody else waits for them.
#include "proxy/dispatch/reply_texts.h"
#include "stage.h"

namespace slotless::test {

namespace {

struct LargeReplies : Stage {
  LargeReplies() {
    config.clientOutputSoftLimit = 64 * 1024;
    config.clientOutputHardLimit = kMiB;
    for (std::size_t i = 0; value.size() < 4 * kMiB; ++i) value += std::to_string(i) + ",";
    reply = bulk(value);
  }

  // How much of the reply the proxy takes from the node, piece by piece.
  std::size_t feed(const Received& from, std::size_t begin) {
    for (; begin < reply.size() && from.connection().watchesReadable(); begin += kPiece)
      from.replies(reply.substr(begin, kPiece));
    return std::min(begin, reply.size());
  }
  // "GET a" of the client, whose reply is declined on the shared link and asked for again.
  Received declined(const Received& first) {
    std::size_t fed = kPiece;
    first.replies(reply.substr(0, fed));
    Received again = node(1).expects("GET a");
    CHECK(&again.connection() != &first.connection());
    for (; fed < reply.size(); fed += kPiece) first.replies(reply.substr(fed, kPiece));
    return again;
  }
  std::string takesSlowly(const Received& from, std::size_t fed) {
    std::string taken = client.takes();
    while (taken.size() < reply.size()) {
      client.readsOnly(20'000);
      const std::string more = client.takes();
      if (more.empty()) break;
      taken += more;
      fed = feed(from, fed);
    }
    return taken;
  }

  std::string value;
  std::string reply;
};

}  // namespace

TEST_CASE_METHOD(LargeReplies, "a reply beyond the hard limit comes alone, as fast as its client takes it") {
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  other.sends("GET d");
  const Received small = node(1).expects("GET d");
  CHECK(&small.connection() == &first.connection());
  small.replies(bulk("d"));
  other.receives(bulk("d"));
  const std::size_t fed = feed(again, 0);
  CHECK(fed < 2 * config.clientOutputSoftLimit);
  CHECK(worker().blocks().bytesInUse() < 3 * config.clientOutputSoftLimit);
  const bool same = takesSlowly(again, fed) == reply;
  CHECK(same);
  CHECK(metrics().loneLeases.value() == 0);
}

TEST_CASE_METHOD(LargeReplies, "neither silence nor reply-timeout strikes a connection that is paused") {
  config.replyTimeout = 2s;
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  const std::size_t fed = feed(again, 0);
  clock.advance(50s);
  const bool same = takesSlowly(again, fed) == reply;
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "the like of a large reply comes alone at once") {
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  const Received again = declined(first);
  again.replies(reply);
  const bool same = client.takes() == reply;
  CHECK(same);
  client.sends("GET a");
  const Received third = node(1).expects("GET a");
  CHECK(&third.connection() != &first.connection());
  third.replies(reply);
  const bool sameAgain = client.takes() == reply;
  CHECK(sameAgain);
}

TEST_CASE_METHOD(LargeReplies, "a reply that is large for memory-limit comes alone") {
  config.clientOutputHardLimit = 0;
  config.memoryLimit = 32 * kMiB;
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  const std::size_t fed = feed(again, 0);
  CHECK(fed < 2 * config.clientOutputSoftLimit);
  const bool same = takesSlowly(again, fed) == reply;
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "a reply within the limits is not asked for twice") {
  config.clientOutputHardLimit = 8 * kMiB;
  client.sends("GET a");
  node(1).expects("GET a").replies(reply);
  const bool same = client.takes() == reply;
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "what has had a large reply goes alone, one of a client at a time") {
  config.clientOutputHardLimit = 64 * kMiB;
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  first.replies(reply);
  client.takes();
  FakeClient& third = addClient();  // of which nothing is known yet, either
  third.sends({"GET a", "GET a", "GET d"});
  other.sends({"GET a", "STRLEN a", "GET d"});
  // What has small replies does not wait for it; but what is about the same slot does.
  const Received small = node(1).expects("GET d");
  const Received ours = node(1).expects("GET a");
  const Received others = node(1).expects("GET d");
  const Received theirs = node(1).expects("GET a");
  node(1).expectsNothing();
  CHECK(&ours.connection() != &first.connection());
  CHECK(&theirs.connection() != &ours.connection());
  CHECK(&theirs.connection() != &first.connection());
  small.replies(bulk("d"));
  others.replies(bulk("d"));
  theirs.replies(reply);
  const Received length = node(1).expects("STRLEN a");
  length.replies(":4\r\n");
  const bool same = other.takes() == reply + ":4\r\n" + bulk("d");
  CHECK(same);
  ours.replies(reply);
  node(1).expects("GET a").replies(reply);
  const bool sameTwice = third.takes() == reply + reply + bulk("d");
  CHECK(sameTwice);
}

TEST_CASE_METHOD(LargeReplies, "a read of what was written large goes alone, until its reply is small") {
  config.clientOutputHardLimit = 64 * kMiB;
  client.sends("SET a " + value);
  const Received set = node(1).expects("SET a " + value);
  other.sends("GET a");
  const Received read = node(1).expects("GET a");
  CHECK(&read.connection() != &set.connection());
  set.replies("+OK\r\n");
  read.replies(reply);
  client.receives("+OK\r\n");
  const bool same = other.takes() == reply;
  CHECK(same);
  // It stays large …
  other.sends("GET a");
  const Received again = node(1).expects("GET a");
  CHECK(&again.connection() != &set.connection());
  again.replies(bulk("small"));
  other.receives(bulk("small"));
  // … until it is not. Writes go with all others throughout.
  FakeClient& third = addClient();
  third.sends({"SET a 1", "GET a"});
  const Received write = node(1).expects("SET a 1");
  const Received last = node(1).expects("GET a");
  CHECK(&write.connection() == &last.connection());
  write.replies("+OK\r\n");
  last.replies(bulk("1"));
  third.receives("+OK\r\n" + bulk("1"));
}

TEST_CASE_METHOD(LargeReplies, "a read is not repeated behind a later write of its client to the slot") {
  client.sends({"GET a", "SET a 1"});
  const Received get = node(1).expects("GET a");
  const Received set = node(1).expects("SET a 1");
  for (std::size_t fed = 0; fed < reply.size(); fed += kPiece) get.replies(reply.substr(fed, kPiece));
  set.replies("+OK\r\n");
  const bool same = client.takes() == reply + "+OK\r\n";
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "what writes is not repeated for its large reply") {
  client.sends("GETDEL a");
  node(1).expects("GETDEL a").replies(reply);
  const bool same = client.takes() == reply;
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "a large reply takes its turn, and holds no connection while it waits") {
  config.holdTimeout = 300ms;
  client.sends({"GET b", "GET a", "GET c"});
  const Received b = node(2).expects("GET b");
  const Received a = node(1).expects("GET a");
  const Received c = node(3).expects("GET c");
  c.replies(bulk("c"));
  for (std::size_t fed = 0; fed < reply.size(); fed += kPiece) a.replies(reply.substr(fed, kPiece));
  node(1).expectsNothing();
  CHECK(metrics().loneLeases.value() == 0);
  clock.advance(900ms);
  client.receivesNothing();
  b.replies(bulk("b"));
  const Received again = node(1).expects("GET a");
  again.replies(reply);
  const bool same = client.takes() == bulk("b") + reply + bulk("c");
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "a paused connection goes with its client") {
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  feed(again, 0);
  CHECK(metrics().loneLeases.value() == 1);
  client.resets();
  settle();
  CHECK(metrics().loneLeases.value() == 0);
  clock.advance(1s);
  CHECK(again.connection().closed());
}

TEST_CASE_METHOD(LargeReplies, "a client that takes nothing of its large reply for a minute is closed") {
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  feed(again, 0);
  clock.advance(50s);
  CHECK_FALSE(client.isClosed());
  client.readsOnly(100);
  client.takes();
  clock.advance(50s);
  CHECK_FALSE(client.isClosed());
  clock.advance(15s);
  CHECK(client.isClosed());
  CHECK(limitHits(telemetry::Limit::OutputHard) == 1);
  CHECK(metrics().loneLeases.value() == 0);
}

TEST_CASE_METHOD(LargeReplies, "what waits behind a large reply does not keep it paused") {
  client.sends({"GET a", "GET b", "GET c"});
  const Received first = node(1).expects("GET a");
  const std::string behind = bulk(std::string(200'000, 'x'));
  node(2).expects("GET b").replies(behind);
  node(3).expects("GET c").replies(behind);
  const Received again = declined(first);
  std::size_t fed = 0;
  std::string taken;
  for (int i = 0; i < 1000 && fed < reply.size(); ++i) {
    fed = feed(again, fed);
    taken += client.takes();
  }
  const bool same = taken + client.takes() == reply + behind + behind;
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "what follows a large reply about the same slot waits for it, however long") {
  config.holdTimeout = 1s;
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  client.sends("GET {a}2");
  std::size_t fed = 0;
  std::string taken;
  while (fed < reply.size()) {
    fed = feed(again, fed);
    clock.advance(100ms);
    client.readsOnly(50'000);
    taken += client.takes();
  }
  client.readsAgain();
  node(1).expects("GET {a}2").replies(bulk("2"));
  const bool same = taken + client.takes() == reply + bulk("2");
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "a client that does not take its large reply gives way when others wait") {
  config.leaseMaxAlone = 1;
  config.holdTimeout = 10s;
  client.sends("GET a");
  const Received first = node(1).expects("GET a");
  client.stopsReading();
  const Received again = declined(first);
  feed(again, 0);
  clock.advance(5s);
  CHECK_FALSE(client.isClosed());  // nobody is kept waiting
  other.sends("GET a");
  settle();
  clock.advance(1s);
  CHECK(client.isClosed());
  clock.advance(1s);
  const Received theirs = node(1).expects("GET a");
  theirs.replies(reply);
  const bool same = other.takes() == reply;
  CHECK(same);
}

TEST_CASE_METHOD(LargeReplies, "where nothing may be held a large reply is collected") {
  config.holdMaxRequests = 0;
  client.sends("GET a");
  node(1).expects("GET a").replies(reply);
  const bool same = client.takes() == reply;
  CHECK(same);
}

}  // namespace slotless::test
