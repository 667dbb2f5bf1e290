// What a client has queued: the batch for the node, and EXEC's reply put together.
#include "proxy/session/transaction.h"

#include "catch.h"
#include "protocol/command_table.h"
#include "protocol/encoder.h"

namespace slotless::test {

namespace {

constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$1\r\na\r\n";
constexpr std::string_view kSet = "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n";

struct Queue {
  void get() { transaction.queueForwarded(*table->find("get"), kGet); }
  void set() { transaction.queueForwarded(*table->find("set"), kSet); }
  void echo(std::string_view word) {
    const std::string_view argv[] = {"ECHO", word};
    transaction.queueLocal(*table->find("echo"), argv);
  }
  std::string assembled(std::string_view execReply) {
    std::string out;
    transaction.assemble(
        execReply,
        [this](const protocol::CommandSpec& spec, protocol::Argv argv, std::string& into) {
          ran += spec.name + " ";
          protocol::appendBulk(into, argv[1]);
        },
        [](std::string_view channel, protocol::Slot, std::string_view reply, std::string& into) {
          into += "+" + std::string(channel) + " had " + std::string(reply);
        },
        out);
    return out;
  }

  std::shared_ptr<const protocol::CommandTable> table = protocol::CommandTable::builtIn();
  net::BlockPool pool;
  session::Transaction transaction{pool};
  std::string ran;
};

}  // namespace

TEST_CASE_METHOD(Queue, "the batch is MULTI, what was queued for the node, EXEC") {
  get();
  echo("x");
  set();
  CHECK(transaction.forwarded() == 2);
  CHECK(transaction.takeBatch().toString() ==
        "*1\r\n$5\r\nMULTI\r\n" + std::string(kGet) + std::string(kSet) + "*1\r\n$4\r\nEXEC\r\n");
}

TEST_CASE_METHOD(Queue, "a transaction is read-only while nothing in it writes") {
  CHECK(transaction.readOnly());
  get();
  echo("x");
  CHECK(transaction.readOnly());
  set();
  CHECK_FALSE(transaction.readOnly());
  get();
  CHECK_FALSE(transaction.readOnly());
}

TEST_CASE_METHOD(Queue, "local replies go where their commands were") {
  echo("1");
  get();
  echo("22");
  echo("3");
  set();
  echo("4");
  CHECK(transaction.needsAssembly());
  CHECK(assembled("*2\r\n*2\r\n$1\r\nx\r\n:5\r\n+OK\r\n") ==
        "*6\r\n$1\r\n1\r\n*2\r\n$1\r\nx\r\n:5\r\n$2\r\n22\r\n$1\r\n3\r\n+OK\r\n$1\r\n4\r\n");
}

TEST_CASE_METHOD(Queue, "where a command is answered later its reply is left to whoever asks for it") {
  const std::size_t before = transaction.memoryBytes();
  CHECK_FALSE(transaction.hasLater());
  transaction.queueLater({table->find("info"), {"INFO"}, "<info>"});
  CHECK(transaction.memoryBytes() > before);
  CHECK(transaction.hasLater());
  CHECK(transaction.needsAssembly());
  CHECK(transaction.forwarded() == 0);
  CHECK(transaction.change() == nullptr);
  get();
  echo("1");
  transaction.queueLater({table->find("dbsize"), {"DBSIZE"}, "<dbsize>", true});
  CHECK(transaction.change() == table->find("dbsize"));
  set();

  session::Transaction::Position position;
  session::WorkBudget budget = session::WorkBudget::unlimited();
  const std::string_view execReply = "*2\r\n:1\r\n+OK\r\n";
  std::string out;
  const auto goOn = [&] {
    return transaction.assemble(
        position, execReply,
        [](const protocol::CommandSpec&, protocol::Argv argv, std::string& into) {
          protocol::appendBulk(into, argv[1]);
        },
        {}, out, budget);
  };
  CHECK_FALSE(goOn());
  CHECK(out == "*5\r\n");
  REQUIRE(transaction.laterAt(position) != nullptr);
  CHECK(transaction.laterAt(position)->bytes == "<info>");
  ++position.command;
  CHECK(transaction.laterAt(position) == nullptr);
  CHECK_FALSE(goOn());
  CHECK(out == "*5\r\n:1\r\n$1\r\n1\r\n");
  REQUIRE(transaction.laterAt(position) != nullptr);
  CHECK(transaction.laterAt(position)->bytes == "<dbsize>");
  ++position.command;
  CHECK(goOn());
  CHECK(out == "*5\r\n:1\r\n$1\r\n1\r\n+OK\r\n");
  CHECK(transaction.laterAt(position) == nullptr);
}

TEST_CASE_METHOD(Queue, "a refusal of the node's leaves nothing to be asked for") {
  transaction.queueLater({table->find("info"), {"INFO"}, "<info>"});
  get();
  session::Transaction::Position position;
  session::WorkBudget budget = session::WorkBudget::unlimited();
  std::string out;
  CHECK(transaction.assemble(position, "-EXECABORT no\r\n", {}, {}, out, budget));
  CHECK(out == "-EXECABORT no\r\n");
}

TEST_CASE_METHOD(Queue, "the replies of PUBLISH are corrected, and no others") {
  get();
  CHECK_FALSE(transaction.needsAssembly());
  transaction.queuePublish(*table->find("publish"), "PUBLISH", "news");
  CHECK(transaction.needsAssembly());
  CHECK(transaction.forwarded() == 2);
  get();
  CHECK(assembled("*3\r\n:1\r\n:2\r\n:3\r\n") == "*3\r\n:1\r\n+news had :2\r\n:3\r\n");
}

TEST_CASE_METHOD(Queue, "elements of any type are kept whole") {
  for (int i = 0; i < 6; ++i) get();
  echo("x");
  const std::string elements = "%1\r\n+k\r\n*1\r\n~1\r\n:1\r\n_\r\n-ERR no\r\n,1.5\r\n#t\r\n=5\r\ntxt:a\r\n";
  CHECK(assembled("*6\r\n" + elements) == "*7\r\n" + elements + "$1\r\nx\r\n");
}

TEST_CASE_METHOD(Queue, "an error in the array does not keep the commands after it from running") {
  get();
  echo("x");
  CHECK(assembled("*1\r\n-WRONGTYPE no\r\n") == "*2\r\n-WRONGTYPE no\r\n$1\r\nx\r\n");
  CHECK(ran == "echo ");
}

TEST_CASE_METHOD(Queue, "local commands do not run when EXEC has run nothing") {
  get();
  echo("x");
  for (const std::string_view reply : {"-EXECABORT no\r\n", "*-1\r\n", "_\r\n", "$-1\r\n"}) {
    CHECK(assembled(reply) == reply);
  }
  CHECK(ran.empty());
}

TEST_CASE_METHOD(Queue, "without commands for a node there is no reply of a node to wait for") {
  CHECK(assembled({}) == "*0\r\n");
  echo("x");
  CHECK(assembled({}) == "*1\r\n$1\r\nx\r\n");
}

TEST_CASE_METHOD(Queue, "everything that is queued counts towards the transaction's size") {
  const std::size_t empty = transaction.memoryBytes();
  set();
  const std::size_t forwarded = transaction.memoryBytes();
  CHECK(forwarded >= empty + kSet.size());
  echo(std::string(1000, 'x'));
  CHECK(transaction.memoryBytes() >= forwarded + 1000);
}

TEST_CASE_METHOD(Queue, "each slot has its group, and the replies go where the commands were") {
  transaction.turnTo(1);
  get();
  CHECK_FALSE(transaction.inGroups());
  transaction.turnTo(2);
  set();
  echo("x");
  transaction.turnTo(1);
  set();
  REQUIRE(transaction.inGroups());
  const auto groups = transaction.takeGroups();
  const std::string multi = "*1\r\n$5\r\nMULTI\r\n";
  const std::string exec = "*1\r\n$4\r\nEXEC\r\n";
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].slot == 1);
  CHECK(groups[0].commands == 2);
  CHECK(groups[0].batch == multi + std::string(kGet) + std::string(kSet) + exec);
  CHECK(groups[1].slot == 2);
  CHECK(groups[1].commands == 1);
  CHECK(groups[1].batch == multi + std::string(kSet) + exec);
  CHECK(assembled(transaction.join(groups, {"*2\r\n$1\r\nv\r\n+OK\r\n", "*1\r\n+SECOND\r\n"})) ==
        "*4\r\n$1\r\nv\r\n+SECOND\r\n$1\r\nx\r\n+OK\r\n");
}

TEST_CASE_METHOD(Queue, "a group that is not carried out has its error in the place of each command") {
  transaction.turnTo(1);
  get();
  transaction.turnTo(2);
  set();
  set();
  const auto groups = transaction.takeGroups();
  const std::string aborted = "-EXECABORT no\r\n";
  CHECK(transaction.join(groups, {"*1\r\n:1\r\n", aborted}) == "*3\r\n:1\r\n" + aborted + aborted);
  CHECK(transaction.join(groups, {aborted, "*2\r\n:1\r\n:2\r\n"}) == "*3\r\n" + aborted + ":1\r\n:2\r\n");
  CHECK(transaction.join(groups, {aborted, "-OTHER\r\n"}) == aborted);
}

TEST_CASE_METHOD(Queue, "what was queued before any slot was known is in the first group") {
  transaction.queuePublish(*table->find("publish"), "PUBLISH", "news");
  transaction.turnTo(1);
  get();
  transaction.turnTo(2);
  get();
  const auto groups = transaction.takeGroups("exec");
  CHECK(groups[0].commands == 2);
  CHECK(groups[0].batch == "*1\r\n$5\r\nMULTI\r\nPUBLISH" + std::string(kGet) + "*1\r\n$4\r\nexec\r\n");
}

TEST_CASE("what nobody needs any more is counted until it has been taken apart", "[transaction]") {
  net::BlockPool pool;
  const protocol::CommandSpec& ping = *protocol::CommandTable::builtIn()->find("ping");
  auto transaction = std::make_unique<session::Transaction>(pool);
  for (int i = 0; i < 100'000; ++i) transaction->queueLocal(ping, std::vector<std::string_view>{"PING"});
  const std::size_t all = transaction->memoryBytes();
  session::Workbench bench;
  bench.discard(std::move(transaction));
  CHECK(bench.heldBytes() == all);
  bench.run();
  CHECK(bench.heldBytes() < all);
  CHECK(bench.heldBytes() > all / 2);
  while (!bench.idle()) bench.run();
  CHECK(bench.heldBytes() == 0);
}

}  // namespace slotless::test
