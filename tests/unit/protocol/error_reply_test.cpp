#include "protocol/error_reply.h"

#include <string>
#include <vector>

#include "catch.h"
#include "exact_buffer.h"

using slotless::protocol::classifyError;
using slotless::protocol::ErrorClass;
using slotless::protocol::ErrorReply;
using slotless::protocol::kNoSlot;

namespace {

struct Redirect {
  std::string line;
  ErrorClass errorClass;
  unsigned slot;
  std::string host;
  unsigned port;
  bool serverText;
};

}  // namespace

TEST_CASE("Redirects are taken apart") {
  const std::vector<Redirect> redirects{
      {"MOVED 3999 127.0.0.1:6381", ErrorClass::Moved, 3999, "127.0.0.1", 6381, true},
      {"-MOVED 3999 127.0.0.1:6381\r\n", ErrorClass::Moved, 3999, "127.0.0.1", 6381, true},
      {"ASK 0 10.0.0.9:1", ErrorClass::Ask, 0, "10.0.0.9", 1, true},
      {"-ASK 16383 node-3.redis_ns.svc:65535", ErrorClass::Ask, 16383, "node-3.redis_ns.svc", 65535, true},
      {"MOVED 1 :7000", ErrorClass::Moved, 1, "", 7000, true},
      {"MOVED 1 ?:7000", ErrorClass::Moved, 1, "?", 7000, true},
      {"MOVED 12 ::1:7000", ErrorClass::Moved, 12, "::1", 7000, true},
      {"MOVED 12 2001:db8::ff00:42:8329:6379", ErrorClass::Moved, 12, "2001:db8::ff00:42:8329", 6379, true},
      {"MOVED 12 fe80::1%eth0:6379", ErrorClass::Moved, 12, "fe80::1%eth0", 6379, true},
      {"MOVED 12 [::1]:7000", ErrorClass::Moved, 12, "::1", 7000, false},
  };
  for (const Redirect& expected : redirects) {
    CAPTURE(expected.line);
    const ErrorReply found = classifyError(expected.line);
    CHECK(found.errorClass == expected.errorClass);
    CHECK(found.slot == expected.slot);
    CHECK(found.host == expected.host);
    CHECK(found.port == expected.port);
    CHECK(found.serverText == expected.serverText);
  }
}

TEST_CASE("A malformed or forged redirect is the client's business") {
  const std::vector<std::string> lines{
      "MOVED",
      "MOVED ",
      "MOVED 1",
      "MOVED 1 ",
      "MOVED 1 host",
      "MOVED 1 host:",
      "MOVED 1 host:x",
      "MOVED 1 host:0",
      "MOVED 1 host:-1",
      "MOVED 1 host:65536",
      "MOVED 1 host:07000",
      "MOVED 1 host:7000 ",
      "MOVED 1 host:7000 script: abc, on @user_script:1.",
      "MOVED 1  host:7000",
      "MOVED 16384 host:7000",
      "MOVED -1 host:7000",
      "MOVED 01 host:7000",
      "MOVED x host:7000",
      "MOVED 99999999999999999999 host:7000",
      "MOVED 1 ho st:7000",
      "MOVED 1 host\t:7000",
      "MOVED 1 evil@host:7000",
      "MOVED 1 a:b:7000",
      "MOVED 1 []:7000",
      "MOVED 1 [::1:7000",
      "MOVED 1 " + std::string(256, 'a') + ":7000",
      "moved 1 host:7000",
      "MOVEDX 1 host:7000",
      "ASK 1 host",
      "ASKING 1 host:7000",
      "",
      "-",
      "\r\n",
      "-\r\n",
      " MOVED 1 host:7000",
  };
  for (const std::string& line : lines) {
    CAPTURE(line);
    const ErrorReply found = classifyError(line);
    CHECK(found.errorClass == ErrorClass::Other);
    CHECK(found.slot == kNoSlot);
    CHECK(found.host.empty());
    CHECK(found.port == 0);
    CHECK_FALSE(found.serverText);
  }
}

TEST_CASE("The server's own words are known for each class") {
  const std::vector<std::pair<std::string, ErrorClass>> lines{
      {"TRYAGAIN Multiple keys request during rehashing of slot", ErrorClass::TryAgain},
      {"CLUSTERDOWN The cluster is down", ErrorClass::ClusterDown},
      {"CLUSTERDOWN The cluster is down and only accepts read commands", ErrorClass::ClusterDown},
      {"CLUSTERDOWN Hash slot not served", ErrorClass::ClusterDown},
      {"LOADING Redis is loading the dataset in memory", ErrorClass::Loading},
      {"LOADING Valkey is loading the dataset in memory", ErrorClass::Loading},
      {"READONLY You can't write against a read only replica.", ErrorClass::ReadOnly},
      {"READONLY Can not run script with write flag on readonly replica", ErrorClass::ReadOnly},
      {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
       ErrorClass::MasterDown},
      {"NOSCRIPT No matching script. Please use EVAL.", ErrorClass::NoScript},
      {"NOSCRIPT No matching script.", ErrorClass::NoScript},
      {"CROSSSLOT Keys in request don't hash to the same slot", ErrorClass::CrossSlot},
      {"NOAUTH Authentication required.", ErrorClass::NoAuth},
      {"BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
       ErrorClass::Busy},
      {"BUSY Valkey is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
       ErrorClass::Busy},
      {"BUSY Redis is busy running a module command.", ErrorClass::Busy},
      {"MISCONF Errors writing to the AOF file: No space left on device", ErrorClass::Misconf},
      {"MISCONF Valkey is configured to save RDB snapshots, but it's currently unable to persist to disk. "
       "Writable "
       "scripts are blocked. Use 'no-writes' flag for read only scripts.",
       ErrorClass::Misconf},
      {"NOREPLICAS Not enough good replicas to write.", ErrorClass::NoReplicas},
      {"OOM command not allowed when used memory > 'maxmemory'.", ErrorClass::OutOfMemory},
      {"EXECABORT Transaction discarded because of previous errors.", ErrorClass::ExecAbort},
      {"EXECABORT Transaction discarded because of: OOM command not allowed", ErrorClass::ExecAbort},
  };
  for (const auto& [text, errorClass] : lines) {
    CAPTURE(text);
    CHECK(classifyError(text).errorClass == errorClass);
    CHECK(classifyError(text).serverText);
    CHECK(classifyError("-" + text + "\r\n").errorClass == errorClass);
    CHECK(classifyError("-" + text + "\r\n").serverText);
    // What a script passes on, or makes up, has the class but not the server's word.
    CHECK(classifyError(text.substr(0, text.find(' ')) + " because I say so").errorClass == errorClass);
    CHECK_FALSE(classifyError(text.substr(0, text.find(' ')) + " because I say so").serverText);
    CHECK_FALSE(classifyError(text.substr(0, text.find(' '))).serverText);
    CHECK_FALSE(classifyError(" " + text).serverText);
    if (text.find(": ") == std::string::npos) {
      CHECK_FALSE(classifyError(text + " script: 6d38, on @user_script:1.").serverText);
      CHECK_FALSE(classifyError(text.substr(0, text.size() - 1)).serverText);
    }
  }
}

TEST_CASE("Both names of the server must be the same within one text") {
  const std::string head = "MISCONF ";
  const std::string middle =
      " is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may "
      "modify the "
      "data set are disabled, because this instance is configured to report errors during writes if RDB "
      "snapshotting "
      "fails (stop-writes-on-bgsave-error option). Please check the ";
  const std::string tail = " logs for details about the RDB error.";
  CHECK(classifyError(head + "Redis" + middle + "Redis" + tail).serverText);
  CHECK(classifyError(head + "Valkey" + middle + "Valkey" + tail).serverText);
  CHECK_FALSE(classifyError(head + "Valkey" + middle + "Redis" + tail).serverText);
}

TEST_CASE("A cause that the server fills in must be there") {
  CHECK_FALSE(classifyError("EXECABORT Transaction discarded because of: ").serverText);
}

TEST_CASE("A script's wish for a key that its node lacks is known in all servers' words") {
  for (
      const char* line :
      {"-ERR Script attempted to access a non local key in a cluster node script: f, on "
       "@user_function:3.\r\n",
       "-ERR Attempted to access a non local key in a cluster node script: on @user_script:1.",  // Valkey 9.1
       "ERR Script attempted to access a non local key in a cluster node",  // through pcall
       // Up to Redis 6.2.
       "ERR Error running script (call to f_6d38): @user_script:1: @user_script: 1: Lua script attempted to "
       "access a non local key in a cluster node"}) {
    CAPTURE(line);
    CHECK(classifyError(line).errorClass == ErrorClass::ForeignKey);
  }
}

TEST_CASE("Other errors, alike ones too, are the client's business") {
  for (const char* line :
       {"ERR unknown command", "WRONGTYPE Operation against a key holding the wrong kind of value",
        "BUSYKEY Target key name already exists.", "BUSYGROUP Consumer Group name already exists", "LOADINGX",
        "loading Redis is loading the dataset in memory", "NOTBUSY No scripts"}) {
    CAPTURE(line);
    CHECK(classifyError(line).errorClass == ErrorClass::Other);
    CHECK_FALSE(classifyError(line).serverText);
  }
}

TEST_CASE("No prefix of an error makes the classifier read beyond it") {
  const std::string line = "-MOVED 12 2001:db8::1:6379\r\n";
  std::size_t redirects = 0;
  for (std::size_t size = 0; size <= line.size(); ++size) {
    const slotless::test::ExactBuffer buffer(std::string_view(line).substr(0, size));
    if (classifyError(buffer.view()).errorClass == ErrorClass::Moved) ++redirects;
  }
  CHECK(redirects >= 2);  // with and without the CRLF
}
