#include "proxy/telemetry/http_request.h"

#include <algorithm>
#include <charconv>

namespace slotless::telemetry {

namespace {

bool isToken(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool isTarget(std::string_view text) noexcept {
  return text == "*" || (text.starts_with('/') &&
                         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; }));
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool sameName(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool readFirstLine(std::string_view line, HttpRequest& request) noexcept {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  request.method = line.substr(0, first);
  const std::size_t question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
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
    const std::size_t empty = rest.starts_with('\n') ? 1 : rest.starts_with("\r\n") ? 2 : 0;
    if (empty == 0) continue;
    request.headers = bytes.substr(lineEnd + 1, end - lineEnd);
    request.headBytes = end + 1 + empty;
    return HttpHead::Complete;
  }
  return HttpHead::NeedMore;
}

std::string_view headerIn(std::string_view headers, std::string_view name) noexcept {
  while (!headers.empty()) {
    const std::size_t end = std::min(headers.find('\n'), headers.size());
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(std::min(end + 1, headers.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !sameName(line.substr(0, colon), name)) continue;
    return trimmed(line.substr(colon + 1));
  }
  return {};
}

std::optional<std::size_t> bodyBytes(const HttpRequest& request) noexcept {
  if (!headerIn(request.headers, "transfer-encoding").empty()) return std::nullopt;
  const std::string_view text = headerIn(request.headers, "content-length");
  if (text.empty()) return 0;
  std::size_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bytes;
}

}  // namespace slotless::telemetry
