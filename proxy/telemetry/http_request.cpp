#include "proxy/telemetry/http_request.h"

#include <algorithm>

namespace slotless::telemetry {

namespace {

bool isToken(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool isTarget(std::string_view text) noexcept {
  return text == "*" || (text.starts_with('/') &&
                         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
}

bool readFirstLine(std::string_view line, HttpRequest& request) noexcept {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  request.method = line.substr(0, first);
  request.path = target.substr(0, target.find('?'));
  return isToken(request.method) && isTarget(target) && (version == "HTTP/1.1" || version == "HTTP/1.0");
}

}  // namespace

HttpHead readHead(std::string_view bytes, HttpRequest& request) noexcept {
  const std::size_t lineEnd = bytes.find('\n');
  if (lineEnd == std::string_view::npos) return HttpHead::NeedMore;
  if (!readFirstLine(bytes.substr(0, lineEnd), request)) return HttpHead::Bad;
  // Lines may also end with the newline alone.
  for (std::size_t end = lineEnd; end != std::string_view::npos; end = bytes.find('\n', end + 1)) {
    const std::string_view rest = bytes.substr(end + 1);
    if (rest.starts_with('\n') || rest.starts_with("\r\n")) return HttpHead::Complete;
  }
  return HttpHead::NeedMore;
}

}  // namespace slotless::telemetry
