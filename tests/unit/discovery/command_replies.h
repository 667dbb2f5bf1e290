// Replies to COMMAND as text, and what the parser makes of them.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.h"
#include "protocol/command_facts.h"
#include "protocol/command_reply.h"
#include "protocol/encoder.h"
#include "proxy/discovery/command_reply_parser.h"
#include "proxy/upstream/handshake.h"

namespace slotless::discovery {

using Facts = std::vector<protocol::CommandSpec>;

inline upstream::ReplyPtr replyOf(std::string_view resp) {
  upstream::OwnReplyReader reader;
  reader.feed(resp);
  upstream::ReplyPtr reply;
  REQUIRE(reader.next(reply) == upstream::OwnReplyReader::Status::Reply);
  return reply;
}

inline std::optional<Facts> parsed(std::string_view resp) {
  return parseCommandReply(*replyOf(resp));
}

// The facts of one line each, as in the built-in table.
inline Facts factsOf(std::initializer_list<std::string_view> lines) {
  Facts facts;
  for (const std::string_view line : lines) facts.push_back(*protocol::parseFactLine(line));
  return facts;
}

// As a server of today tells them.
inline std::string told(const Facts& facts) {
  std::string resp;
  protocol::appendArrayHeader(resp, facts.size());
  for (const protocol::CommandSpec& spec : facts) protocol::appendCommandInfo(resp, spec);
  return resp;
}

// As Redis 5 and 6 tell them.
struct OldCommand {
  std::string name;
  int arity = -1;
  std::vector<std::string> flags{};
  int first = 0;
  int last = 0;
  int step = 0;
  std::vector<std::string> categories{};  // Redis 6 only
};

inline std::string toldByOld(const std::vector<OldCommand>& commands, bool withCategories) {
  std::string resp;
  protocol::appendArrayHeader(resp, commands.size());
  const auto words = [&](const std::vector<std::string>& each) {
    protocol::appendArrayHeader(resp, each.size());
    for (const std::string& word : each) protocol::appendSimple(resp, word);
  };
  for (const OldCommand& command : commands) {
    protocol::appendArrayHeader(resp, withCategories ? 7 : 6);
    protocol::appendBulk(resp, command.name);
    protocol::appendInteger(resp, command.arity);
    words(command.flags);
    for (const int number : {command.first, command.last, command.step})
      protocol::appendInteger(resp, number);
    if (withCategories) words(command.categories);
  }
  return resp;
}

}  // namespace slotless::discovery
