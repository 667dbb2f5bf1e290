#include "proxy/subcommand/reply.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace slotless::subcommand {

namespace {

// Beyond it the bytes are not RESP.
constexpr std::int64_t kMostElements = 1 << 28;
constexpr std::size_t kLongestLine = 64 * 1024 * 1024;

std::optional<std::int64_t> integerIn(std::string_view text) {
  std::int64_t value = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

const Reply* Reply::field(std::string_view name) const noexcept {
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i].text == name) return &items[i + 1];
  }
  return nullptr;
}

std::int64_t Reply::number() const noexcept {
  return kind == Kind::Integer ? integer : integerIn(text).value_or(0);
}

// False: it is not whole yet, or broken. `children`: what follows belongs into it.
bool ReplyReader::element(Reply& out, std::size_t& children, bool& attribute) {
  const std::size_t end = bytes_.find("\r\n", at_);
  if (end == std::string::npos) {
    broken_ = bytes_.size() - at_ > kLongestLine;
    return false;
  }
  const std::string_view line = std::string_view(bytes_).substr(at_, end - at_);
  if (line.empty()) {
    broken_ = true;
    return false;
  }
  const char type = line.front();
  const std::string_view rest = line.substr(1);
  const std::size_t behind = end + 2;
  children = 0;
  attribute = false;
  const auto bulk = [&](Reply::Kind kind, std::size_t skipped) {
    const auto size = integerIn(rest);
    if (!size || *size < -1) {
      broken_ = true;
      return false;
    }
    if (*size == -1) {
      out.kind = Reply::Kind::Nothing;
      at_ = behind;
      return true;
    }
    const auto length = static_cast<std::size_t>(*size);
    if (bytes_.size() < behind + length + 2) return false;
    out.kind = kind;
    out.text = bytes_.substr(behind + std::min(skipped, length), length - std::min(skipped, length));
    at_ = behind + length + 2;
    return true;
  };
  const auto aggregate = [&](Reply::Kind kind, std::int64_t factor) {
    const auto count = integerIn(rest);
    if (!count || *count < -1 || *count > kMostElements) {
      broken_ = true;
      return false;
    }
    out.kind = *count == -1 ? Reply::Kind::Nothing : kind;
    children = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0) * factor);
    at_ = behind;
    return true;
  };
  switch (type) {
    case '$': return bulk(Reply::Kind::Text, 0);
    case '=': return bulk(Reply::Kind::Text, 4);
    case '!': return bulk(Reply::Kind::Error, 0);
    case '*':
    case '~': return aggregate(Reply::Kind::Array, 1);
    case '>': return aggregate(Reply::Kind::Push, 1);
    case '%': return aggregate(Reply::Kind::Array, 2);
    case '|': attribute = true; return aggregate(Reply::Kind::Array, 2);
    default: break;
  }
  out.text = rest;
  at_ = behind;
  switch (type) {
    case '+': out.kind = Reply::Kind::Status; return true;
    case '-': out.kind = Reply::Kind::Error; return true;
    case ':': {
      const auto value = integerIn(rest);
      broken_ = !value;
      out.kind = Reply::Kind::Integer;
      out.integer = value.value_or(0);
      return !broken_;
    }
    case '_': out.kind = Reply::Kind::Nothing; return true;
    case '#':
      out.kind = Reply::Kind::Integer;
      out.integer = rest == "t" ? 1 : 0;
      return true;
    case ',':
    case '(': out.kind = Reply::Kind::Text; return true;
    default: broken_ = true; return false;
  }
}

std::optional<Reply> ReplyReader::next() {
  while (!broken_) {
    Reply reply;
    std::size_t children = 0;
    bool attribute = false;
    if (at_ == bytes_.size() || !element(reply, children, attribute)) break;
    if (children > 0) {
      reply.items.reserve(std::min<std::size_t>(children, 1024));
      open_.push_back({std::move(reply), children, attribute});
      continue;
    }
    if (!attribute && close(reply)) {
      // Not each time: what is behind it would be moved again and again.
      if (at_ * 2 > bytes_.size()) bytes_.erase(0, std::exchange(at_, 0));
      return reply;
    }
  }
  return std::nullopt;
}

// Puts a whole element where it belongs. True: `reply` is a whole reply now.
bool ReplyReader::close(Reply& reply) {
  while (!open_.empty()) {
    Frame& frame = open_.back();
    frame.reply.items.push_back(std::move(reply));
    if (--frame.missing > 0) return false;
    reply = std::move(frame.reply);
    const bool attribute = frame.attribute;
    open_.pop_back();
    if (attribute) return false;
  }
  return true;
}

}  // namespace slotless::subcommand
