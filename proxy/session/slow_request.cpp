#include "proxy/session/slow_request.h"

#include <string>
#include <string_view>
#include <vector>

#include "protocol/request_parser.h"
#include "proxy/session/client.h"
#include "proxy/session/request.h"
#include "proxy/session/services.h"
#include "proxy/session/slow_log.h"

namespace slotless::session {

using protocol::RequestParser;

namespace {

std::string bytesOf(Services& services, const Leg& leg) {
  if (leg.inDoubt()) return leg.detour->doubt->bytes.toString();
  net::ByteChain copy(services.host.pool);
  if (leg.link != nullptr) {
    if (const auto sent = leg.link->requestOf(leg)) sent->copyTo(copy);
  } else if (leg.detour != nullptr) {
    return leg.detour->bytes.toString();
  }
  return copy.toString();
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
    if (database != nullptr && word.starts_with(database->prefix))
      word.remove_prefix(database->prefix.size());
  }
  return words;
}

}  // namespace

void noteSlowRequest(Services& services, const Leg& leg, net::Micros duration) {
  const Request& request = *leg.request;
  const bool executes = request.preludes > 0;
  if (request.spec->has(protocol::kSkipSlowlog) && !executes) return;
  SlowEntry entry;
  entry.duration = duration;
  if (request.client != nullptr) {
    entry.client = request.client->peer().text();
    entry.clientName = request.client->name;
  }
  if (leg.link != nullptr) {
    entry.node = leg.link->node().text();
    entry.upstream = std::chrono::duration_cast<net::Micros>(services.host.now - leg.sentAt);
  }
  const std::string bytes = bytesOf(services, leg);
  std::string_view rest = bytes;
  RequestParser parser;
  if (executes) {  // MULTI stands first
    if (parser.parse(rest, {}) == RequestParser::Status::Complete) rest.remove_prefix(parser.size());
    parser.next();
  }
  const std::uint32_t commands = executes ? request.preludes - 1 : 1;
  // What a whole database was asked for is a script by now.
  const bool asSaid = !request.wantsWholeSlot || executes;
  if (asSaid && commands == 1 && parser.parse(rest, {}) == RequestParser::Status::Complete) {
    return services.slowLog.add(std::move(entry), ownNames(parser.argv(), request.database));
  }
  std::vector<std::string_view> words = wordsOf(request.spec->name);
  const std::string count = "(" + std::to_string(commands) + " commands)";
  if (executes) words.push_back(count);
  services.slowLog.add(std::move(entry), words);
}

}  // namespace slotless::session
