#include "proxy/dispatch/blocking.h"

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/key_extraction.h"
#include "proxy/dispatch/request_copy.h"
#include "proxy/dispatch/wait_time.h"

namespace slotless::session {

namespace {

std::optional<std::size_t> timeoutPosition(const protocol::CommandSpec& spec, protocol::Argv argv) {
  const int argument = spec.blockTimeout.argument;
  if (argument > 0)
    return static_cast<std::size_t>(argument) < argv.size() ? std::optional<std::size_t>(argument)
                                                            : std::nullopt;
  if (argument < 0) return argv.size() - static_cast<std::size_t>(-argument);
  const std::size_t keyword = protocol::sessionKeywordPosition(spec, argv);
  if (keyword == 0 || keyword + 1 >= argv.size()) return std::nullopt;
  return keyword + 1;
}

std::string timeoutText(const protocol::BlockTimeout& form, net::Millis left) {
  const auto millis = std::max<net::Millis::rep>(1, left.count());
  if (form.inMilliseconds) return std::to_string(millis);
  std::string fraction = std::to_string(millis % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  return std::to_string(millis / 1000) + "." + fraction;
}

}  // namespace

std::optional<net::Millis> blockTimeoutOf(const protocol::CommandSpec& spec, protocol::Argv argv) {
  const auto position = timeoutPosition(spec, argv);
  if (!position) return std::nullopt;
  return readWaitTime(argv[*position], spec.blockTimeout.inMilliseconds, std::nullopt).length;
}

void rewriteBlockTimeout(const protocol::CommandSpec& spec, net::Millis left, net::ByteChain& bytes) {
  const RequestCopy request(bytes);
  if (!request.complete()) return;
  const auto position = timeoutPosition(spec, request.argv());
  if (!position) return;
  std::vector<std::string_view> argv(request.argv().begin(), request.argv().end());
  const std::string text = timeoutText(spec.blockTimeout, left);
  argv[*position] = text;
  std::string rewritten;
  protocol::appendRequest(rewritten, argv);
  bytes.clear();
  bytes.append(rewritten);
}

}  // namespace slotless::session
