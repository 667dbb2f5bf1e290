#include "proxy/dispatch/slow_request.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/encoder.h"
#include "protocol/request_parser.h"
#include "proxy/dispatch/context.h"
#include "proxy/dispatch/downstream.h"
#include "proxy/dispatch/request.h"

namespace slotless::session {

using protocol::RequestParser;

namespace {

// Of a longer request only the beginning is looked at.
constexpr std::size_t kMostBytesSeen = 256U * 1024;
// A longer one is kept with its arguments cut.
constexpr std::size_t kMostBytesSaid = SlowLog::kMostArguments * (SlowLog::kMostBytes + 16);

std::string bytesOf(Context& context, const Leg& leg) {
  net::ByteChain copy(context.host.pool);
  const auto from = [&](const net::ByteChain& chain) {
    chain.copyTo(copy, 0, std::min(chain.size(), kMostBytesSeen));
  };
  if (leg.inDoubt()) {
    from(leg.detour->doubt->bytes);
  } else if (leg.link != nullptr) {
    if (const auto sent = leg.link->requestOf(leg)) sent->copyBeginning(copy, kMostBytesSeen);
  } else if (leg.detour != nullptr) {
    from(leg.detour->bytes);
  }
  return copy.toString();
}

// Takes "<mark><number>\r\n" off the front.
std::optional<std::size_t> takeNumber(std::string_view& bytes, char mark) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos || bytes.front() != mark) return std::nullopt;
  std::size_t number = 0;
  const auto parsed = std::from_chars(bytes.data() + 1, bytes.data() + end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != bytes.data() + end) return std::nullopt;
  bytes.remove_prefix(end + 2);
  return number;
}

std::string moreThan(std::size_t count, std::string_view what) {
  return "... (" + std::to_string(count) + " more " + std::string(what) + ")";
}

// The first arguments of a request of which only the beginning is there, as the slow log shows them.
std::vector<std::string> beginningOf(std::string_view bytes, std::size_t mostBytes) {
  std::vector<std::string> words;
  const std::size_t count = takeNumber(bytes, '*').value_or(0);
  const std::size_t most = count > SlowLog::kMostArguments ? SlowLog::kMostArguments - 1 : count;
  while (words.size() < most) {
    const auto length = takeNumber(bytes, '$');
    if (!length) break;
    const std::size_t shown = std::min({*length, bytes.size(), mostBytes});
    words.emplace_back(bytes.substr(0, shown));
    if (shown < *length) words.back() += moreThan(*length - shown, "bytes");
    bytes.remove_prefix(std::min(*length + 2, bytes.size()));
  }
  if (words.size() < count) words.push_back(moreThan(count - words.size(), "arguments"));
  return words;
}

// Of a transaction, as its client has spelled it: the last word.
std::string_view execIn(std::string_view batch) {
  constexpr std::string_view kExec = "EXEC\r\n";
  return batch.size() < kExec.size() ? kExec.substr(0, 4) : batch.substr(batch.size() - kExec.size(), 4);
}

// "config|set" → CONFIG, SET; where the bytes are gone.
std::vector<std::string_view> wordsOf(std::string_view name) {
  const auto bar = name.find('|');
  if (bar == std::string_view::npos) return {name};
  return {name.substr(0, bar), name.substr(bar + 1)};
}

// As the client knows them.
std::vector<std::string_view> ownNames(protocol::Argv argv, const databases::Database* database) {
  std::vector<std::string_view> words(argv.begin(), argv.end());
  for (std::string_view& word : words) {
    if (database != nullptr && database->owns(word)) word = database->logicalName(word);
  }
  return words;
}

}  // namespace

void noteSlowRequest(Context& context, const Leg& leg, LogKind kind, std::int64_t amount) {
  const Request& request = *leg.request;
  const bool executes = request.preludes > 0;
  if (request.spec->has(protocol::kSkipSlowlog) && !executes) return;
  SlowEntry entry;
  entry.amount = amount;
  if (request.client != nullptr) {
    Downstream::Identity identity = request.client->identity();
    entry.client = std::move(identity.address);
    entry.clientName = std::move(identity.name);
  }
  if (leg.link != nullptr) {
    entry.node = leg.link->node().text();
    entry.upstream = std::chrono::duration_cast<net::Micros>(context.host.now - leg.sentAt);
  }
  if (request.said != nullptr && !executes) {
    const std::vector<std::string> said =
        beginningOf(request.said->bytes, request.said->isCut ? std::string_view::npos : SlowLog::kMostBytes);
    const std::vector<std::string_view> argv(said.begin(), said.end());
    return context.slowLog.addCut(kind, std::move(entry), argv);
  }
  const std::string bytes = bytesOf(context, leg);
  std::string_view rest = bytes;
  RequestParser parser;
  if (executes) {  // MULTI stands first
    if (parser.parse(rest, {}) == RequestParser::Status::Complete) rest.remove_prefix(parser.size());
    parser.next();
  }
  const std::uint32_t commands = executes ? request.preludes - 1 : 1;
  // What a whole database was asked for is a script by now.
  const bool asSaid = !request.wantsWholeSlot || executes;
  if (asSaid && commands == 1 && bytes.size() >= kMostBytesSeen) {
    const std::vector<std::string> beginning = beginningOf(rest, SlowLog::kMostBytes);
    const std::vector<std::string_view> argv(beginning.begin(), beginning.end());
    return context.slowLog.addCut(kind, std::move(entry), ownNames(argv, request.database));
  }
  if (asSaid && commands == 1 && parser.parse(rest, {}) == RequestParser::Status::Complete) {
    return context.slowLog.add(kind, std::move(entry), ownNames(parser.argv(), request.database));
  }
  std::vector<std::string_view> words = wordsOf(request.spec->name);
  const std::string count = "(" + std::to_string(commands) + " commands)";
  if (executes) words = {execIn(bytes.size() < kMostBytesSeen ? bytes : std::string_view()), count};
  context.slowLog.add(kind, std::move(entry), words);
}

std::unique_ptr<const SaidRequest> rememberSaid(const Context& context, std::string_view request) {
  if (!context.slowLog.keeps()) return nullptr;
  auto said = std::make_unique<SaidRequest>();
  said->isCut = request.size() > kMostBytesSaid;
  if (said->isCut) {
    const std::vector<std::string> words = beginningOf(request, SlowLog::kMostBytes);
    protocol::appendRequest(said->bytes, std::vector<std::string_view>(words.begin(), words.end()));
  } else {
    said->bytes = request;
  }
  return said;
}

}  // namespace slotless::session
