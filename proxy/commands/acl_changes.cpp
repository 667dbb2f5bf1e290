#include "proxy/commands/acl_changes.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/process_inputs.h"
#include "protocol/encoder.h"
#include "proxy/commands/late_reply.h"
#include "proxy/commands/whole_file.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::appendError;

namespace {

constexpr std::string_view kNoFile =
    "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL "
    "SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in "
    "order to store users in the Redis configuration.";
constexpr std::string_view kNotSaved =
    "ERR There was an error trying to save the ACLs. Please check the server logs for more information";
constexpr std::string_view kNoChange =
    "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";

// Replies when every worker has seen the change.
void finishEverywhere(Services& services, Request& request, std::uint64_t asking, std::string reply) {
  services.accounts.refresh(asking);
  Services* home = &services;
  Request* late = &request;
  askWorkers<bool>(
      services,
      [asking](Services& there, std::size_t) {
        there.host.touch();
        there.accounts.refresh(asking);
        return true;
      },
      [=](const std::vector<bool>&) { finishLate(*home, *late, reply); });
}

// The error, or nothing.
std::optional<std::string> changeUser(Services& services, std::string_view name,
                                      const std::vector<std::string>& rules, access::Users& users) {
  access::User user;
  user.name = name;
  if (const access::UserPtr known = findUser(users, name)) user = *known;
  const access::Vocabulary words = services.accounts.vocabulary();
  for (const std::string& rule : rules) {
    if (const auto error = applyRule(user, rule, words))
      return "ERR Error in ACL SETUSER modifier '" + rule + "': " + std::string(textOf(*error));
  }
  users[std::string(name)] = std::make_shared<const access::User>(std::move(user));
  return std::nullopt;
}

// Users that have not changed stay the same objects: nothing happens to their clients.
std::optional<std::string> takeAll(access::Users read, access::Users& users) {
  for (auto& [name, user] : read) {
    const access::UserPtr known = findUser(users, name);
    if (known != nullptr && *known == *user) user = known;
  }
  users = std::move(read);
  return std::nullopt;
}

std::string errorReply(std::string_view line) {
  std::string reply;
  appendError(reply, line);
  return reply;
}

void onFileRead(Services& services, Request& request, std::uint64_t asking, const std::string& path,
                const config::FileText& file) {
  access::Roster& roster = services.control.roster();
  access::ReadUsers read;
  if (file.text) {
    const std::vector<std::string> lines = access::linesOf(*file.text);
    read = readUsers(lines, roster.standardDefault(), services.accounts.vocabulary(),
                     access::Unknown::Refused, path);
  } else {
    read.errors.push_back("Error loading ACLs, opening file '" + path + "': " + file.error + ".");
  }
  if (!read.errors.empty()) {
    std::string line = "ERR ";
    for (const std::string& error : read.errors) line += error + ". ";
    return finishLate(services, request, errorReply(line + std::string(kNoChange)));
  }
  roster.change([&](access::Users& users) { return takeAll(std::move(read.users), users); });
  log::info("users loaded", {{"file", path}});
  finishEverywhere(services, request, asking, "+OK\r\n");
}

}  // namespace

void aclSetUser(LocalCall& call) {
  const std::string_view name = call.argv[2];
  if (access::hasSpaces(name))
    return appendError(call.out, "ERR Usernames can't contain spaces or null characters");
  std::vector<std::string> rules;
  if (!access::mergeSelectors(call.argv.subspan(3), rules)) {
    return appendError(call.out,
                       "ERR Unmatched parenthesis in acl selector starting at '" + rules.back() + "'.");
  }
  const auto error = call.services.control.roster().change(
      [&](access::Users& users) { return changeUser(call.services, name, rules, users); });
  if (error) return appendError(call.out, *error);
  finishEverywhere(call.services, replyLater(call), call.client.id(), "+OK\r\n");
}

void aclDelUser(LocalCall& call) {
  const protocol::Argv names = call.argv.subspan(2);
  if (std::find(names.begin(), names.end(), access::kDefaultUser) != names.end())
    return appendError(call.out, "ERR The 'default' user cannot be removed");
  std::int64_t removed = 0;
  call.services.control.roster().change([&](access::Users& users) -> std::optional<std::string> {
    for (const std::string_view name : names)
      removed += static_cast<std::int64_t>(users.erase(std::string(name)));
    return std::nullopt;
  });
  std::string reply;
  protocol::appendInteger(reply, removed);
  finishEverywhere(call.services, replyLater(call), call.client.id(), reply);
}

void aclSave(LocalCall& call) {
  const std::string path = call.services.config.aclFile;
  if (path.empty()) return appendError(call.out, kNoFile);
  Services* services = &call.services;
  Request* request = &replyLater(call);
  const auto error = std::make_shared<std::string>();
  call.services.control.aside(
      [path, error, text = textOf(call.services.accounts.users()->users)] {
        *error = writeWhole(path, text);
      },
      call.services.host.loop,
      [=] {
        services->host.touch();
        if (!error->empty()) log::error("users not saved", {{"file", path}, {"error", *error}});
        finishLate(*services, *request, error->empty() ? "+OK\r\n" : errorReply(kNotSaved));
      });
}

void aclLoad(LocalCall& call) {
  const std::string path = call.services.config.aclFile;
  if (path.empty()) return appendError(call.out, kNoFile);
  Services* services = &call.services;
  Request* request = &replyLater(call);
  const auto file = std::make_shared<config::FileText>();
  call.services.control.aside([path, file] { *file = config::readFile(path); }, call.services.host.loop,
                              [=, asking = call.client.id()] {
                                services->host.touch();
                                onFileRead(*services, *request, asking, path, *file);
                              });
}

}  // namespace slotless::session
