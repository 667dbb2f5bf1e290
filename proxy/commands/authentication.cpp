#include "proxy/commands/authentication.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/ascii.h"
#include "protocol/encoder.h"
#include "proxy/emulation/info.h"
#include "proxy/session/accounts.h"
#include "proxy/session/client.h"
#include "proxy/session/client_snapshot.h"
#include "proxy/session/login_delays.h"
#include "proxy/session/node_users.h"
#include "proxy/session/refusal.h"
#include "proxy/telemetry/log.h"

namespace slotless::session {

using protocol::appendError;

namespace {

constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";
constexpr std::string_view kNoPasswordSet =
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your "
    "configuration is correct?";
std::string helloNoAuth(const ServerManners& manners) {
  return "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO " +
         std::string(manners.namesHelloVersion ? "<proto> " : "") +
         "AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol "
         "version at the same time";
}

// Takes the same time wherever the difference is.
bool sameSecret(std::string_view given, std::string_view expected) {
  unsigned difference = given.size() == expected.size() ? 0U : 1U;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference |= static_cast<unsigned>(given[i] ^ other);
  }
  return difference == 0;
}

// Since Redis 6.
bool serversSpeakResp3(const Services& services) {
  const std::string_view version = serverVersion(services);
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major >= 6;
}

void noteRefusedLogin(LocalCall& call, std::string_view username) {
  call.services.metrics.loginsRefused.add();
  call.services.control.aclLog().add(call.services.config.acllogMaxLen, "auth",
                                     call.inTransaction ? "multi" : "toplevel", call.argv[0], username,
                                     clientLine(call.client, call.services));
}

bool isRight(const Services& services, std::string_view username, std::string_view password) {
  const config::Config& config = services.config;
  // Clients that know one password only name the default user (HELLO has no other way). Without
  // authentication every default user is right, as in Redis with "nopass".
  const bool known = username == "default" || (!config.username.empty() && username == config.username);
  return requiresAuthentication(config) ? known && sameSecret(password, config::clientSecret(config))
                                        : username == "default";
}

constexpr std::string_view kInTransaction =
    "ERR with client-auth passthrough nobody can log in inside a transaction";

// In the log once per burst from one address.
void noteWrong(LocalCall& call, std::string_view username) {
  Services& services = call.services;
  const std::uint64_t failures = services.loginDelays.note(call.client.peer().host);
  static log::RateLimit limit(5);
  if (failures == 1) {
    log::write(limit, services.host.now, log::Level::Warn, "authentication failed",
               {{"client", call.client.id()}, {"peer", call.client.peer().text()}});
  }
  noteRefusedLogin(call, username);
}

// The nodes judge. The call may have to wait.
std::optional<std::string> askNodes(LocalCall& call, std::string_view username, std::string_view password,
                                    bool isNamed) {
  if (call.inTransaction) return std::string(kInTransaction);
  NodeUsers::Outcome outcome = call.services.nodeUsers.logIn(call.client, username, password, isNamed);
  call.waits = outcome.waits;
  if (outcome.isWrong) noteWrong(call, username);
  if (outcome.refusal.empty()) return std::nullopt;
  return std::move(outcome.refusal);
}

bool isRightUser(const LocalCall& call, const access::Permission* account, std::string_view password) {
  const config::Listener& here = call.services.config.listen[call.client.listener()];
  const access::User* const user = account == nullptr ? nullptr : &account->user();
  return access::accepts(user, password) && access::mayUse(*user, here);
}

// nullopt: right. Otherwise the error line.
std::optional<std::string> checkCredentials(LocalCall& call, std::string_view username,
                                            std::string_view password, bool isNamed) {
  Services& services = call.services;
  if (services.nodeUsers.on()) return askNodes(call, username, password, isNamed);
  Client& client = call.client;
  const access::Permission* account = services.accounts.find(username);
  const bool right =
      services.accounts.on() ? isRightUser(call, account, password) : isRight(services, username, password);
  if (!right) {
    noteWrong(call, username);
    return std::string(kWrongPassword);
  }
  if (account != nullptr && !client.join(*account)) return std::string(kTooManyOfUser);
  client.logIn();
  if (account != nullptr) client.enter(*account);
  return std::nullopt;
}

bool defaultNeedsPassword(const Services& services) {
  if (!services.accounts.on()) return requiresAuthentication(services.config);
  const access::Permission* standard = services.accounts.find(access::kDefaultUser);
  return standard == nullptr || !standard->user().withoutPassword;
}

void appendField(std::string& out, std::string_view key, std::string_view value) {
  protocol::appendBulk(out, key);
  protocol::appendBulk(out, value);
}

void appendNumber(std::string& out, std::string_view key, std::int64_t value) {
  protocol::appendBulk(out, key);
  protocol::appendInteger(out, value);
}

void appendModule(std::string& out, int protocol, const cluster::ServerModule& module) {
  protocol::appendMapHeader(out, protocol, 4);
  appendField(out, "name", module.name);
  appendNumber(out, "ver", module.version);
  appendField(out, "path", module.path);
  protocol::appendBulk(out, "args");
  protocol::appendArrayHeader(out, module.arguments.size());
  for (const std::string& argument : module.arguments) protocol::appendBulk(out, argument);
}

// As one of the servers would say it of itself.
void appendGreeting(LocalCall& call, int protocol) {
  const cluster::ServerIdentity& server = call.services.manners.server;
  std::string& out = call.out;
  protocol::appendMapHeader(out, protocol, 7);
  appendField(out, "server", server.announcedName.empty() ? "redis" : std::string_view(server.announcedName));
  appendField(out, "version",
              server.announcedVersion.empty() ? serverVersion(call.services) : server.announcedVersion);
  appendNumber(out, "proto", protocol);
  appendNumber(out, "id", static_cast<std::int64_t>(call.client.id()));
  appendField(out, "mode", "standalone");
  appendField(out, "role", "master");
  protocol::appendBulk(out, "modules");
  protocol::appendArrayHeader(out, server.modules.size());
  for (const cluster::ServerModule& module : server.modules) appendModule(out, protocol, module);
}

}  // namespace

std::optional<std::string> objectionToName(std::string_view name, std::string_view what) {
  if (name.size() > kLongestName)
    return "ERR " + std::string(what) + " cannot be longer than " + std::to_string(kLongestName) + " bytes.";
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c >= '!' && c <= '~'; });
  if (printable) return std::nullopt;
  return "ERR " + std::string(what) + " cannot contain spaces, newlines or special characters.";
}

void authenticate(LocalCall& call) {
  if (call.argv.size() > 3) return appendError(call.out, "ERR syntax error");
  std::string_view username = "default";
  if (call.argv.size() == 2) {
    if (!call.services.nodeUsers.on() && !defaultNeedsPassword(call.services))
      return appendError(call.out, kNoPasswordSet);
  } else {
    username = call.argv[1];
  }
  if (const auto error = checkCredentials(call, username, call.argv.back(), call.argv.size() == 3)) {
    return appendError(call.out, *error);
  }
  if (call.waits) return;
  protocol::appendSimple(call.out, "OK");
}

void hello(LocalCall& call) {
  const protocol::Argv argv = call.argv;
  int version = call.client.protocol;
  if (argv.size() >= 2) {
    const auto parsed = std::from_chars(argv[1].data(), argv[1].data() + argv[1].size(), version);
    if (parsed.ec != std::errc{} || parsed.ptr != argv[1].data() + argv[1].size()) {
      return appendError(call.out, "ERR Protocol version is not an integer or out of range");
    }
    const bool takesThree =
        serversSpeakResp3(call.services) && !call.services.denials.any(telemetry::Deniable::Hello);
    if (version < 2 || version > 3 || (version == 3 && !takesThree)) {
      return appendError(call.out, "NOPROTO unsupported protocol version");
    }
  }
  std::optional<std::string_view> name;
  for (std::size_t i = 2; i < argv.size(); ++i) {
    const std::size_t left = argv.size() - 1 - i;
    if (protocol::equalsIgnoringCase(argv[i], "AUTH") && left >= 2) {
      if (const auto error = checkCredentials(call, argv[i + 1], argv[i + 2], true)) {
        return appendError(call.out, *error);
      }
      if (call.waits) return;
      i += 2;
    } else if (protocol::equalsIgnoringCase(argv[i], "SETNAME") && left >= 1) {
      name = argv[++i];
      if (const auto objection = objectionToName(*name, kClientNames))
        return appendError(call.out, *objection);
    } else {
      return appendError(call.out, "ERR Syntax error in HELLO option '" + std::string(argv[i]) + "'");
    }
  }
  const bool isGreeted = call.client.loggedIn() || call.inTransaction || !call.services.nodeUsers.on();
  if (!isGreeted && call.services.nodeUsers.awaitsGreeting(call.client)) {
    call.waits = true;
    return;
  }
  if (!call.client.loggedIn()) {
    return appendError(call.out, helloNoAuth(call.services.manners));
  }
  if (name) call.client.name = *name;
  call.client.protocol = version;
  call.client.conversation().onProtocol();
  appendGreeting(call, version);
}

}  // namespace slotless::session
