#include "proxy/peers/order_text.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "proxy/peers/message_text.h"
#include "proxy/peers/peer_table.h"

namespace slotless::peers {

namespace {

constexpr std::string_view kOrder = "slotless-order";
constexpr std::string_view kAnswer = "slotless-answer";
constexpr std::string_view kDone = "done";
constexpr std::string_view kRefused = "refused";

constexpr std::int64_t kAnyNumber = std::numeric_limits<std::int64_t>::max();

bool takeShort(std::string_view value, std::string& into) {
  into = value;
  return !value.empty() && value.size() <= kMostTextBytes;
}

template <typename Number>
bool takeCount(std::string_view value, Number& into) {
  const auto number = numberUpTo(value, kAnyNumber);
  into = static_cast<Number>(number.value_or(0));
  return number.has_value();
}

bool takeUpToBytes(std::string_view value, std::size_t most, std::string& into) {
  into = value;
  return value.size() <= most;
}

// What each name of an order, and of an answer, is.
template <typename Message>
struct MessageField {
  std::string_view name;
  bool (*take)(Message& message, std::string_view value);
};

constexpr MessageField<Order> kOrderFields[] = {
    {"number", [](Order& order, std::string_view value) { return takeShort(value, order.number); }},
    {"from", [](Order& order, std::string_view value) { return takeShort(value, order.from); }},
    {"at", [](Order& order, std::string_view value) { return takeCount(value, order.unixMillis); }},
    {"room", [](Order& order, std::string_view value) { return takeCount(value, order.room); }},
    {"by", [](Order& order,
              std::string_view value) { return takeUpToBytes(value, kMostTextBytes, order.what.by); }},
    {"to",
     [](Order& order, std::string_view value) {
       return takeShort(value, order.to.emplace_back()) && order.to.size() <= kMostPeers;
     }},
    {"word",
     [](Order& order, std::string_view value) {
       order.what.words.emplace_back(value);
       return isWritable(order.what);
     }},
};

constexpr MessageField<Answer> kAnswerFields[] = {
    {"number", [](Answer& answer, std::string_view value) { return takeShort(value, answer.number); }},
    {"from", [](Answer& answer, std::string_view value) { return takeShort(value, answer.from); }},
    {"state",
     [](Answer& answer, std::string_view value) {
       answer.isDone = value == kDone;
       return answer.isDone || value == kRefused;
     }},
    {"text", [](Answer& answer,
                std::string_view value) { return takeUpToBytes(value, kMostAnswerText, answer.text); }},
    {"lines", [](Answer& answer,
                 std::string_view value) { return takeUpToBytes(value, kMostLineBytes, answer.lines); }},
    {"left-out", [](Answer& answer, std::string_view value) { return takeCount(value, answer.leftOut); }},
};

template <typename Message, std::size_t N>
std::optional<Message> readMessage(std::string_view text, std::string_view what,
                                   const MessageField<Message> (&fields)[N]) {
  Message message;
  const bool isRight = readPairs(text, what, [&](std::string_view name, std::string_view value) {
    const auto* found = std::find_if(std::begin(fields), std::end(fields),
                                     [&](const auto& field) { return field.name == name; });
    return found == std::end(fields) || found->take(message, value);
  });
  if (!isRight || message.number.empty() || message.from.empty()) return std::nullopt;
  return message;
}

}  // namespace

bool isWritable(const pubsub::PeerOrder& order) {
  std::size_t bytes = 0;
  for (const std::string& word : order.words) bytes += word.size();
  return order.words.size() <= kMostOrderWords && bytes <= kMostOrderBytes;
}

std::string written(const Order& order) {
  Pairs pairs = {{"number", order.number},
                 {"from", order.from},
                 {"at", std::to_string(order.unixMillis)},
                 {"room", std::to_string(order.room)},
                 {"by", order.what.by.substr(0, kMostTextBytes)}};
  for (const std::string& id : order.to) pairs.emplace_back("to", id);
  for (const std::string& word : order.what.words) pairs.emplace_back("word", word);
  return writtenPairs(kOrder, pairs);
}

std::optional<Order> readOrder(std::string_view message) {
  auto order = readMessage(message, kOrder, kOrderFields);
  if (order && order->what.words.empty()) return std::nullopt;
  return order;
}

std::string written(Answer answer) {
  answer.text.resize(std::min(answer.text.size(), kMostAnswerText));
  answer.leftOut += cutLines(answer.lines, kMostLineBytes);
  return writtenPairs(kAnswer, {{"number", answer.number},
                                {"from", answer.from},
                                {"state", std::string(answer.isDone ? kDone : kRefused)},
                                {"text", answer.text},
                                {"lines", answer.lines},
                                {"left-out", std::to_string(answer.leftOut)}});
}

std::optional<Answer> readAnswer(std::string_view message) {
  return readMessage(message, kAnswer, kAnswerFields);
}

std::uint64_t cutLines(std::string& lines, std::size_t room) {
  if (lines.size() <= room) return 0;
  const std::size_t last = room == 0 ? std::string::npos : lines.rfind('\n', room - 1);
  const std::size_t kept = last == std::string::npos ? 0 : last + 1;
  const auto leftOut = std::count(lines.begin() + static_cast<std::ptrdiff_t>(kept), lines.end(), '\n');
  lines.resize(kept);
  return static_cast<std::uint64_t>(leftOut);
}

}  // namespace slotless::peers
