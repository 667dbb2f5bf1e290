#include "proxy/commands/acl_commands.h"

#include <algorithm>
#include <string>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "protocol/strict_integer.h"
#include "proxy/access/digest.h"
#include "proxy/access/limit_rules.h"
#include "proxy/access/user_text.h"
#include "proxy/commands/wrong_arguments.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"

namespace slotless::session {

using protocol::appendArrayHeader;
using protocol::appendBulk;
using protocol::appendError;
using protocol::CommandSpec;

namespace {

constexpr std::int64_t kDefaultBits = 256;
constexpr std::int64_t kMostBits = 4096;

void appendWords(std::string& out, const std::vector<std::string>& words) {
  appendArrayHeader(out, words.size());
  for (const std::string& word : words) appendBulk(out, word);
}

void appendPair(std::string& out, std::string_view key, std::string_view value) {
  appendBulk(out, key);
  appendBulk(out, value);
}

void appendSelector(std::string& out, const access::Selector& selector) {
  appendPair(out, "commands", commandsText(selector));
  appendPair(out, "keys", keysText(selector));
  appendPair(out, "channels", channelsText(selector));
}

std::vector<std::string> flagsOf(const access::User& user) {
  std::vector<std::string> flags{user.enabled ? "on" : "off"};
  if (user.withoutPassword) flags.emplace_back("nopass");
  if (user.sanitizes) flags.emplace_back(*user.sanitizes ? "sanitize-payload" : "skip-sanitize-payload");
  return flags;
}

// DRYRUN names what is refused.
std::string sentenceOf(access::Denial denial, const CommandSpec& spec, protocol::Argv argv) {
  const auto access = [&](std::string_view what) {
    return "This user has no permissions to access the '" + std::string(argv[denial.argument]) + "' " +
           std::string(what);
  };
  if (denial.reason == access::Reason::Key) return access("key");
  if (denial.reason == access::Reason::Channel) return access("channel");
  std::string line = refusalLine(denial, spec);
  line.erase(0, line.find(' ') + 1);
  line.front() = line.front() == 't' ? 'T' : line.front();
  return line;
}

}  // namespace

void aclCat(LocalCall& call) {
  if (call.argv.size() > 3) return appendError(call.out, wrongArguments(call.argv, "ACL"));
  const access::Vocabulary words = call.services.accounts.vocabulary();
  if (call.argv.size() == 2) return appendWords(call.out, words.categories());
  std::string category(call.argv[2]);
  std::transform(category.begin(), category.end(), category.begin(), protocol::lowerAscii);
  if (!words.hasCategory(category))
    return appendError(call.out, "ERR Unknown category '" + std::string(call.argv[2]) + "'");
  std::vector<std::string> names;
  words.visit([&](const CommandSpec& spec, const CommandSpec*) {
    if (access::isInCategory(spec, category)) names.push_back(spec.name);
  });
  appendWords(call.out, names);
}

void aclDryRun(LocalCall& call) {
  const protocol::Argv argv = call.argv.subspan(3);
  const access::Permission* account = call.services.accounts.find(call.argv[2]);
  if (account == nullptr)
    return appendError(call.out, "ERR User '" + std::string(call.argv[2]) + "' not found");
  const CommandSpec* spec = call.services.commands->find(argv);
  if (spec == nullptr)
    return appendError(call.out, "ERR Command '" + std::string(argv.front()) + "' not found");
  if (!spec->arityFits(argv.size()))
    return appendError(call.out, "ERR wrong number of arguments for '" + spec->name + "' command");
  const access::Denial denial = account->check(*spec, argv, call.services.accounts.scratch());
  if (denial) return appendBulk(call.out, sentenceOf(denial, *spec, argv));
  protocol::appendSimple(call.out, "OK");
}

void aclGenPass(LocalCall& call) {
  if (call.argv.size() > 3) return appendError(call.out, wrongArguments(call.argv, "ACL"));
  const auto bits =
      call.argv.size() == 3 ? protocol::strictInteger(call.argv[2]) : std::optional(kDefaultBits);
  if (!bits) return appendError(call.out, "ERR value is not an integer or out of range");
  if (*bits <= 0 || *bits > kMostBits) {
    return appendError(
        call.out,
        "ERR ACL GENPASS argument must be the number of bits for the output password, a positive "
        "number up to 4096");
  }
  const std::string digits = access::randomDigits(static_cast<std::size_t>(*bits));
  if (digits.empty()) return appendError(call.out, "ERR the system has no random numbers");
  appendBulk(call.out, digits);
}

void aclGetUser(LocalCall& call) {
  const access::Permission* account = call.services.accounts.find(call.argv[2]);
  if (account == nullptr) return protocol::appendNull(call.out, call.client.protocol);
  const access::User& user = account->user();
  const auto limits = limitWords(user.limits);
  const int protocol = call.client.protocol;
  std::string& out = call.out;
  protocol::appendMapHeader(out, protocol, 6 + limits.size());
  const std::vector<std::string> flags = flagsOf(user);
  appendBulk(out, "flags");
  protocol::appendSetHeader(out, protocol, flags.size());
  for (const std::string& flag : flags) appendBulk(out, flag);
  appendBulk(out, "passwords");
  appendWords(out, user.passwords);
  appendSelector(out, user.root);
  appendBulk(out, "selectors");
  appendArrayHeader(out, user.selectors.size());
  for (const access::Selector& selector : user.selectors) {
    protocol::appendMapHeader(out, protocol, 3);
    appendSelector(out, selector);
  }
  for (const auto& [name, value] : limits) appendPair(out, name, value.empty() ? "yes" : value);
}

void aclList(LocalCall& call) {
  std::vector<std::string> lines;
  for (const auto& [name, user] : call.services.accounts.users()->users) lines.push_back(lineOf(*user));
  appendWords(call.out, lines);
}

void aclUsers(LocalCall& call) {
  std::vector<std::string> names;
  for (const auto& [name, user] : call.services.accounts.users()->users) names.push_back(name);
  appendWords(call.out, names);
}

}  // namespace slotless::session
