#include "proxy/doctor/rights_probe.h"

#include <string>

#include "protocol/denial.h"
#include "proxy/subcommand/node_client.h"

namespace slotless::doctor {

namespace {

// A name that is reserved (protocol/key_scheme.h), so that no client's key has it.
#define SLOTLESS_NO_KEY "~{slotless-doctor}"

struct Right {
  std::string_view name;  // as ACL SETUSER takes it
  std::initializer_list<std::string_view> words;
  std::string_view without;
  bool needed = false;
  bool ofCluster = false;  // nothing is done with it where there is one server
};

// docs/restricted-services.md says the same of all that the proxy asks for. Redis looks at rights behind the
// number of arguments and before whose slot it is.
const Right kRights[] = {
    {"get", {"GET", SLOTLESS_NO_KEY}, "clients cannot read", true},
    {"set", {"SET", SLOTLESS_NO_KEY, "", "XX"}, "clients cannot write", true},
    {"del", {"DEL", SLOTLESS_NO_KEY}, "WAIT of clients fails", false},
    {"exists", {"EXISTS", SLOTLESS_NO_KEY}, "what a script's error means is not known", false},
    {"multi", {"MULTI"}, "transactions fail", false},
    {"discard", {"DISCARD"}, "transactions fail", false},
    {"watch", {"WATCH", SLOTLESS_NO_KEY}, "WATCH of clients fails", false},
    {"unwatch", {"UNWATCH"}, "UNWATCH of clients fails", false},
    {"cluster|slots", {"CLUSTER", "SLOTS"}, "CLUSTER NODES has to tell the topology", false, true},
    {"cluster|nodes",
     {"CLUSTER", "NODES"},
     "which of two answers about a slot is newer is not known",
     false,
     true},
    {"command", {"COMMAND"}, "only commands of Redis 7.0 and their keys are known", false},
    {"info", {"INFO", "server"}, "the version is taken for 7.0.0", false},
    {"role", {"ROLE"}, "replicas count as in step with their masters", false},
    {"readonly", {"READONLY"}, "replicas serve no reads (read-from)", false, true},
    {"client|id", {"CLIENT", "ID"}, "dead connections are found after 20 s instead of 3", false},
    {"client|list",
     {"CLIENT", "LIST", "TYPE", "pubsub"},
     "dead connections are found after 20 s instead of 3",
     false},
    {"config|get", {"CONFIG", "GET", "maxmemory"}, "CONFIG GET shows the proxy's settings only", false},
    {"eval_ro", {"EVAL_RO", "return 1", "0"}, "EVAL has to take its place", false, true},
    {"eval",
     {"EVAL", "return 1", "0"},
     "MOVE is refused, FLUSHDB and DBSIZE of databases are slow",
     false,
     true},
    {"scan", {"SCAN", "0", "COUNT", "1"}, "SCAN of clients fails", false},
    {"dbsize", {"DBSIZE"}, "DBSIZE is counted by SCAN", false},
    {"dump", {"DUMP", SLOTLESS_NO_KEY}, "COPY between slots is refused", false, true},
    {"pttl", {"PTTL", SLOTLESS_NO_KEY}, "COPY between slots is refused", false, true},
    {"unlink", {"UNLINK", SLOTLESS_NO_KEY}, "DEL has to take its place in FLUSHDB of databases", false, true},
    {"subscribe",
     {"SUBSCRIBE", SLOTLESS_NO_KEY},
     "SUBSCRIBE of clients fails (users need channels, too: &*)",
     false},
};

#undef SLOTLESS_NO_KEY

// An old server has no EVAL_RO, and is not to blame.
bool isMissing(std::string_view error) noexcept {
  return error.find("unknown command") != std::string_view::npos ||
         error.find("unknown subcommand") != std::string_view::npos ||
         error.find("Unknown subcommand") != std::string_view::npos;
}

}  // namespace

std::vector<Denied> deniedBy(subcommand::NodeClient& client, bool ofCluster) {
  std::vector<Denied> denied;
  for (const Right& right : kRights) client.append(right.words);
  if (!client.send().empty()) return denied;
  for (const Right& right : kRights) {
    const subcommand::Reply reply = client.receive();
    if (reply.isLost()) return denied;
    if (!reply.isError() || !protocol::isDenial(reply.text)) continue;
    if (isMissing(reply.text) && right.name == "eval_ro") continue;
    if (right.ofCluster && !ofCluster) continue;
    denied.push_back({std::string(right.name), reply.text, std::string(right.without), right.needed});
  }
  client.close();  // which is subscribed now
  return denied;
}

}  // namespace slotless::doctor
