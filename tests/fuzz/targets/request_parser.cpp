// Bytes of a client. The first says which limits hold, the second how they are cut: what is found must not
// depend on that, and what need not be written anew must be what we would write.
#include <algorithm>
#include <string>

#include "parsed_stream.h"
#include "protocol/encoder.h"
#include "target.h"

namespace {

using slotless::test::ParsedStream;

slotless::protocol::RequestLimits limitsOf(std::uint8_t choice) {
  slotless::protocol::RequestLimits limits;
  if ((choice & 1U) != 0) limits.maxBulkBytes = choice;
  if ((choice & 2U) != 0) limits.maxInlineBytes = choice / 4;
  if ((choice & 4U) != 0) limits.maxArguments = choice / 32;
  if ((choice & 8U) != 0) limits.maxRequestBytes = choice;
  limits.authenticated = (choice & 16U) == 0;
  return limits;
}

bool forwardsOnlyCanonical(const ParsedStream& found, std::string_view stream) {
  for (const ParsedStream::Request& request : found.requests) {
    const std::string_view bytes = stream.substr(0, request.size);
    stream.remove_prefix(request.size);
    if (request.isInline || request.argv.empty()) continue;
    const std::vector<std::string_view> views(request.argv.begin(), request.argv.end());
    std::string canonical;
    slotless::protocol::appendRequest(canonical, views);
    if (bytes != canonical) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using slotless::fuzz::require;
  std::string_view input = slotless::fuzz::textOf(data, size);
  const auto limits = limitsOf(slotless::fuzz::takeByte(input));
  const std::size_t piece = 1 + slotless::fuzz::takeByte(input) % 64;
  const ParsedStream whole = slotless::test::parseAtOnce(input, limits);
  slotless::test::StreamParser parser(limits);
  for (std::size_t at = 0; at < input.size(); at += piece) parser.feed(input.substr(at, piece));
  require(whole.broken.empty(), whole.broken);
  require(parser.found() == whole, "how it is cut changes nothing");
  require(forwardsOnlyCanonical(whole, input), "only what is canonical is forwarded as it is");
  return 0;
}
