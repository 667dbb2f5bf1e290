#include "proxy/shadow/comparison.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace slotless::shadow {

using protocol::ReplyOrder;
using subcommand::Reply;

namespace {

// What a server says of the request and its data; all other errors are about the server.
constexpr std::string_view kAboutData[] = {"ERR", "WRONGTYPE"};

std::string_view codeOf(const Reply& error) {
  const std::string_view text = error.text;
  return text.substr(0, text.find(' '));
}

// Each text with its length, so that no two replies look alike.
void append(const Reply& reply, std::string& out) {
  using Kind = Reply::Kind;
  switch (reply.kind) {
    case Kind::Status:
    case Kind::Text:
      out.append("$").append(std::to_string(reply.text.size())).append(":").append(reply.text);
      return;
    case Kind::Error: out.append("-").append(codeOf(reply)).append("\n"); return;
    case Kind::Integer: out.append(":").append(std::to_string(reply.integer)).append("\n"); return;
    case Kind::Nothing: out += '_'; return;
    case Kind::Array:
    case Kind::Push:
      out.append("*").append(std::to_string(reply.items.size())).append("\n");
      for (const Reply& item : reply.items) append(item, out);
      return;
    case Kind::Lost: return;
  }
}

}  // namespace

bool isAnswer(const Reply& reply) {
  if (reply.isLost()) return false;
  if (!reply.isError()) return true;
  return std::find(std::begin(kAboutData), std::end(kAboutData), codeOf(reply)) != std::end(kAboutData);
}

std::string essence(const Reply& reply, ReplyOrder order) {
  std::string out;
  const std::size_t step = order == ReplyOrder::AnyPair ? 2 : 1;
  const bool sorts = order != ReplyOrder::Kept && reply.kind == Reply::Kind::Array;
  if (!sorts || reply.items.size() % step != 0) {
    append(reply, out);
    return out;
  }
  std::vector<std::string> parts;
  parts.reserve(reply.items.size() / step);
  for (std::size_t i = 0; i < reply.items.size(); i += step) {
    std::string& part = parts.emplace_back();
    for (std::size_t k = 0; k < step; ++k) append(reply.items[i + k], part);
  }
  std::sort(parts.begin(), parts.end());
  out = "*" + std::to_string(reply.items.size()) + "\n";
  for (const std::string& part : parts) out += part;
  return out;
}

}  // namespace slotless::shadow
