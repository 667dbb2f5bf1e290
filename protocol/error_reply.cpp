#include "protocol/error_reply.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "protocol/strict_integer.h"

namespace slotless::protocol {
namespace {

struct Code {
  std::string_view word;
  ErrorClass errorClass;
};

constexpr std::array kCodes{
    Code{"MOVED", ErrorClass::Moved},           Code{"ASK", ErrorClass::Ask},
    Code{"TRYAGAIN", ErrorClass::TryAgain},     Code{"CLUSTERDOWN", ErrorClass::ClusterDown},
    Code{"LOADING", ErrorClass::Loading},       Code{"READONLY", ErrorClass::ReadOnly},
    Code{"MASTERDOWN", ErrorClass::MasterDown}, Code{"NOSCRIPT", ErrorClass::NoScript},
    Code{"CROSSSLOT", ErrorClass::CrossSlot},   Code{"NOAUTH", ErrorClass::NoAuth},
    Code{"NOPERM", ErrorClass::NoPerm},         Code{"BUSY", ErrorClass::Busy},
    Code{"MISCONF", ErrorClass::Misconf},       Code{"NOREPLICAS", ErrorClass::NoReplicas},
    Code{"OOM", ErrorClass::OutOfMemory},       Code{"EXECABORT", ErrorClass::ExecAbort},
    Code{"UNBLOCKED", ErrorClass::Unblocked},
};

struct ServerText {
  ErrorClass errorClass;
  // What follows the code. '@' stands for the server's name (Redis, Valkey), a last '*' for a cause it fills
  // in.
  std::string_view pattern;
};

// Redis 5 to 8 and Valkey 7 to 8: server.c createSharedObjects(), cluster.c clusterRedirectClient(), multi.c,
// networking.c helloCommand(), script.c scriptPrepareForRun(). What a script passes on from a command of its
// own gets " script: <sha>, ..." at its end and so is not found here, as it must be: the script may have
// written before.
constexpr std::array kServerTexts{
    ServerText{ErrorClass::TryAgain, "Multiple keys request during rehashing of slot"},
    ServerText{ErrorClass::ClusterDown, "The cluster is down"},
    ServerText{ErrorClass::ClusterDown, "The cluster is down and only accepts read commands"},
    ServerText{ErrorClass::ClusterDown, "Hash slot not served"},
    ServerText{ErrorClass::Loading, "@ is loading the dataset in memory"},
    ServerText{ErrorClass::ReadOnly, "You can't write against a read only replica."},
    ServerText{ErrorClass::ReadOnly, "Can not run script with write flag on readonly replica"},
    ServerText{ErrorClass::MasterDown,
               "Link with MASTER is down and replica-serve-stale-data is set to 'no'."},
    ServerText{ErrorClass::MasterDown,
               "Link with MASTER is down, replica-serve-stale-data is set "
               "to 'no' and 'allow-stale' flag is not set on the script."},
    ServerText{ErrorClass::NoScript, "No matching script. Please use EVAL."},
    ServerText{ErrorClass::NoScript, "No matching script."},  // Valkey 8
    ServerText{ErrorClass::CrossSlot, "Keys in request don't hash to the same slot"},
    ServerText{ErrorClass::NoAuth, "Authentication required."},
    ServerText{ErrorClass::NoAuth,
               "HELLO must be called with the client already authenticated, otherwise "
               "the HELLO AUTH <user> <pass> option can be used to authenticate the "
               "client and select the RESP protocol version at the same time"},
    ServerText{ErrorClass::NoAuth,  // Valkey 8, Redis 7.2
               "HELLO must be called with the client already authenticated, otherwise "
               "the HELLO <proto> AUTH <user> <pass> option can be used to authenticate "
               "the client and select the RESP protocol version at the same time"},
    ServerText{ErrorClass::Busy,
               "@ is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."},
    ServerText{ErrorClass::Busy,
               "@ is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE."},
    ServerText{ErrorClass::Busy, "@ is busy running a module command."},
    ServerText{ErrorClass::Misconf,
               "@ is configured to save RDB snapshots, but it's currently unable to persist to disk. "
               "Commands that may modify the data set are disabled, because this instance is configured "
               "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error "
               "option). Please check the @ logs for details about the RDB error."},
    ServerText{ErrorClass::Misconf,  // up to Redis 6.2
               "@ is configured to save RDB snapshots, but it is currently not able to persist on disk. "
               "Commands that may modify the data set are disabled, because this instance is configured "
               "to report errors during writes if RDB snapshotting fails (stop-writes-on-bgsave-error "
               "option). Please check the @ logs for details about the RDB error."},
    ServerText{ErrorClass::Misconf, "Errors writing to the AOF file: *"},
    ServerText{ErrorClass::Misconf,
               "@ is configured to save RDB snapshots, but it's currently unable to persist to "
               "disk. Writable scripts are blocked. Use 'no-writes' flag for read only scripts."},
    ServerText{ErrorClass::Misconf,
               "@ is configured to persist data to AOF, but it's currently unable to persist to disk. "
               "Writable scripts are blocked. Use 'no-writes' flag for read only scripts. AOF error: *"},
    ServerText{ErrorClass::NoReplicas, "Not enough good replicas to write."},
    ServerText{ErrorClass::OutOfMemory, "command not allowed when used memory > 'maxmemory'."},
    ServerText{ErrorClass::OutOfMemory,
               "allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'"},
    ServerText{ErrorClass::ExecAbort, "Transaction discarded because of previous errors."},
    ServerText{ErrorClass::ExecAbort, "Transaction discarded because of: *"},
    ServerText{ErrorClass::Unblocked,
               "force unblock from blocking operation, instance state changed (master -> replica?)"},
};

// Redis 5 to 8, Valkey: script_lua.c, script.c. In older ones it stands in the middle of the text; "Script
// attempted to …", and in Valkey 9.1 "Attempted to …".
constexpr std::string_view kForeignKey = "ttempted to access a non local key in a cluster node";

bool matches(std::string_view text, std::string_view pattern, std::string_view serverName) noexcept {
  while (!pattern.empty()) {
    if (pattern == "*") return !text.empty();
    const bool name = pattern.front() == '@';
    const std::string_view piece = name ? serverName : pattern.substr(0, pattern.find_first_of("@*"));
    if (!text.starts_with(piece)) return false;
    text.remove_prefix(piece.size());
    pattern.remove_prefix(name ? 1 : piece.size());
  }
  return text.empty();
}

bool isServerText(ErrorClass errorClass, std::string_view text) noexcept {
  return std::any_of(kServerTexts.begin(), kServerTexts.end(), [&](const ServerText& known) {
    return known.errorClass == errorClass &&
           (matches(text, known.pattern, "Redis") || matches(text, known.pattern, "Valkey"));
  });
}

bool isDigitOrLetter(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// A host name, an IPv4 or IPv6 address, "" or "?" (the node does not know its own name): nothing that could
// be misunderstood further on. Whether it belongs to the cluster is for the topology to say.
bool isHost(std::string_view host) noexcept {
  constexpr std::size_t kLongestHost = 255;
  if (host.empty() || host == "?") return true;
  if (host.size() > kLongestHost) return false;
  const auto colons = std::count(host.begin(), host.end(), ':');
  if (colons == 1) return false;
  const std::string_view punctuation = colons > 0 ? ":.%" : "-._";
  return std::all_of(host.begin(), host.end(), [&](char c) {
    return isDigitOrLetter(c) || punctuation.find(c) != std::string_view::npos;
  });
}

// `text`: "<slot> <host>:<port>". False leaves `reply` as it was.
bool readRedirect(std::string_view text, ErrorReply& reply) noexcept {
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view address = text.substr(space + 1);
  const std::size_t colon = address.rfind(':');  // the last one: IPv6 hosts come without brackets
  if (colon == std::string_view::npos) return false;
  std::string_view host = address.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);

  const auto slot = strictInteger(text.substr(0, space));
  const auto port = strictInteger(address.substr(colon + 1));
  if (!slot || *slot < 0 || *slot >= kSlotCount || !port || *port < 1 || *port > 65535 || !isHost(host))
    return false;
  reply.slot = static_cast<Slot>(*slot);
  reply.host = host;
  reply.port = static_cast<std::uint16_t>(*port);
  reply.serverText = !bracketed;
  return true;
}

}  // namespace

ErrorReply classifyError(std::string_view line) noexcept {
  if (line.starts_with('-')) line.remove_prefix(1);
  if (line.ends_with("\r\n")) line.remove_suffix(2);
  const std::size_t codeEnd = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, codeEnd);
  const std::string_view text = line.substr(std::min(codeEnd + 1, line.size()));

  const auto code = std::find_if(kCodes.begin(), kCodes.end(), [&](const Code& c) { return c.word == word; });
  ErrorReply reply;
  if (code == kCodes.end()) {
    if (word == "ERR" && text.find(kForeignKey) != std::string_view::npos)
      reply.errorClass = ErrorClass::ForeignKey;
    return reply;
  }
  const bool redirect = code->errorClass == ErrorClass::Moved || code->errorClass == ErrorClass::Ask;
  if (redirect && !readRedirect(text, reply)) return reply;
  reply.errorClass = code->errorClass;
  if (!redirect) reply.serverText = isServerText(reply.errorClass, text);
  return reply;
}

}  // namespace slotless::protocol
