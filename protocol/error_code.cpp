#include "protocol/error_code.h"

#include <algorithm>
#include <iterator>

namespace slotless::protocol {

namespace {

// Redis 5 to 8, Valkey 7 to 9: server.c createSharedObjects(), acl.c, module.c, multi.c, networking.c,
// sentinel.c, t_stream.c; and the proxy's own, see proxy/dispatch/reply_texts.h.
constexpr std::string_view kKnownCodes[] = {
    "ERR",       "WRONGTYPE", "MOVED",        "ASK",       "TRYAGAIN",   "CLUSTERDOWN", "CROSSSLOT",
    "LOADING",   "READONLY",  "MASTERDOWN",   "NOSCRIPT",  "NOAUTH",     "WRONGPASS",   "NOPERM",
    "BUSY",      "NOTBUSY",   "UNKILLABLE",   "MISCONF",   "NOREPLICAS", "OOM",         "EXECABORT",
    "UNBLOCKED", "BUSYKEY",   "BUSYGROUP",    "NOGROUP",   "NOPROTO",    "INPROG",      "IOERR",
    "DENIED",    "REDIRECT",  "NOMASTERLINK", "AMBIGUOUS",
};

}  // namespace

std::string_view knownErrorCode(std::string_view line) noexcept {
  if (line.starts_with('-')) line.remove_prefix(1);
  const std::string_view code = line.substr(0, line.find_first_of(" \r\n"));
  const auto* known = std::find(std::begin(kKnownCodes), std::end(kKnownCodes), code);
  return known == std::end(kKnownCodes) ? std::string_view() : *known;
}

}  // namespace slotless::protocol
