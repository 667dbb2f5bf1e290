// What a connection begins with where a balancer tells whose it is. However the bytes arrive, the verdict is
// the same; and nothing is asked for that stands behind the header: that is the client's own.
#include "protocol/proxy_header.h"

#include <algorithm>
#include <string>

#include "target.h"

namespace {

using namespace slotless;
using protocol::ProxyHeader;
using Status = ProxyHeader::Status;

bool same(const ProxyHeader& a, const ProxyHeader& b) {
  return a.status == b.status && a.bytes == b.bytes && a.hasSource == b.hasSource && a.source == b.source &&
         a.sourcePort == b.sourcePort && a.problem == b.problem;
}

// Of exactly the bytes, so that a sanitizer sees a step beyond them.
ProxyHeader parsed(std::string_view bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  return protocol::parseProxyHeader({exact.data(), exact.size()});
}

// As a connection reads it: what is asked for, and no byte more.
ProxyHeader readAsAsked(std::string_view input) {
  std::size_t have = 0;
  for (;;) {
    ProxyHeader header = parsed(input.substr(0, have));
    if (header.status != Status::NeedMore) {
      fuzz::require(header.status == Status::Malformed || header.bytes == have,
                    "not a byte behind the header has been read");
      return header;
    }
    fuzz::require(header.bytes > 0, "more is at least a byte");
    fuzz::require(have + header.bytes <= protocol::kLongestProxyHeader, "and not more than may be");
    if (have + header.bytes > input.size()) return header;
    have += header.bytes;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::textOf(data, size);
  const ProxyHeader whole = parsed(input);
  fuzz::require(whole.problem.empty() == (whole.status != Status::Malformed), "what is wrong has a reason");
  fuzz::require(whole.status == Status::Complete || !whole.hasSource, "a source is of a whole header");
  const ProxyHeader asked = readAsAsked(input);
  if (whole.status == Status::Complete) {
    fuzz::require(whole.bytes <= input.size() && whole.bytes <= protocol::kLongestProxyHeader,
                  "a whole header is there");
    fuzz::require(same(asked, whole), "it is the same as read piece by piece");
    fuzz::require(same(parsed(input.substr(0, whole.bytes)), whole), "what is behind it does not matter");
    for (std::size_t cut = 0; cut < whole.bytes; ++cut) {
      const ProxyHeader begin = parsed(input.substr(0, cut));
      fuzz::require(begin.status == Status::NeedMore && cut + begin.bytes <= whole.bytes,
                    "what begins a header is no fault, and asks for what belongs to it");
    }
  } else if (whole.status == Status::NeedMore) {
    fuzz::require(asked.status == Status::NeedMore, "what is not whole is not whole in pieces either");
  } else {
    // Pieces may be too few for the fault to be among them.
    fuzz::require(asked.status != Status::Complete, "a fault does not go away");
    fuzz::require(parsed(std::string(input) + "\r\n").status == Status::Malformed, "more does not mend it");
  }
  return 0;
}
