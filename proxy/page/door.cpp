#include "proxy/page/door.h"

#include <algorithm>
#include <utility>

#include "protocol/command_table.h"
#include "proxy/access/digest.h"
#include "proxy/access/permission.h"
#include "proxy/access/subscriber.h"
#include "proxy/access/users.h"
#include "proxy/net/address/address.h"

namespace slotless::page {

namespace {

using telemetry::AdminRequest;

constexpr std::string_view kCookie = "slotless_session";
constexpr std::size_t kTokenBits = 256;

bool isLoopback(std::string_view host) {
  return host == "::1" || host.starts_with("127.") || host.starts_with("::ffff:127.");
}

// "host:port" or "[v6]:port".
std::string hostIn(std::string_view authority) {
  if (authority.starts_with('[')) return std::string(authority.substr(1, authority.find(']') - 1));
  return std::string(authority.substr(0, authority.find(':')));
}

// Any name may be made to lead here by whoever owns it; a number and this one cannot.
bool isOwnName(std::string_view authority) {
  const std::string host = hostIn(authority);
  return host == "localhost" || net::isNumericHost(host);
}

// A balancer on this machine speaks for others.
bool isForwarded(const AdminRequest& request) {
  return !request.header("forwarded").empty() || !request.header("x-forwarded-for").empty() ||
         !request.header("via").empty();
}

std::string_view cookieIn(std::string_view header) {
  while (!header.empty()) {
    const std::size_t end = std::min(header.find(';'), header.size());
    std::string_view pair = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    pair.remove_prefix(std::min(pair.find_first_not_of(' '), pair.size()));
    if (pair.starts_with(kCookie) && pair.substr(kCookie.size()).starts_with('='))
      return pair.substr(kCookie.size() + 1);
  }
  return {};
}

std::string cookieHeader(const AdminRequest& request, std::string_view value, std::int64_t seconds) {
  return "Set-Cookie: " + std::string(kCookie) + "=" + std::string(value) +
         "; Path=/; Max-Age=" + std::to_string(seconds) + "; HttpOnly; SameSite=Strict" +
         (request.encrypted ? "; Secure" : "");
}

const protocol::CommandTable& builtIn() {
  static const auto kTable = protocol::CommandTable::builtIn();
  return *kTable;
}

bool administers(const access::UserPtr& user) {
  return access::Permission(user, access::Vocabulary(builtIn())).administers();
}

}  // namespace

void Door::setRules(std::shared_ptr<const config::Config> config, access::Roster::SnapshotPtr roster) {
  if (config_ == nullptr || config_->adminUsers != config->adminUsers) {
    access::User standard;  // nobody may come in as the default user that is not named
    standard.name = access::kDefaultUser;
    own_ = access::readUsers(config->adminUsers, standard, access::Vocabulary(builtIn()),
                             access::Unknown::Accepted, "admin-users")
               .users;
  }
  config_ = std::move(config);
  roster_ = std::move(roster);
}

// An account that needs no password is no account here.
access::UserPtr Door::find(std::string_view name) const {
  access::UserPtr user;
  if (!config_->adminUsers.empty()) {
    user = access::findUser(own_, name);
  } else if (roster_ != nullptr && roster_->on) {
    user = access::findUser(roster_->users, name);
    if (user != nullptr && !administers(user)) user = nullptr;
  }
  return user != nullptr && user->enabled && !user->withoutPassword && !user->passwords.empty() ? user
                                                                                                : nullptr;
}

bool Door::hasUsers() const {
  const access::Users* users = nullptr;
  if (!config_->adminUsers.empty()) {
    users = &own_;
  } else if (roster_ != nullptr && roster_->on) {
    users = &roster_->users;
  }
  return users != nullptr && std::any_of(users->begin(), users->end(),
                                         [this](const auto& each) { return find(each.first) != nullptr; });
}

Door::Session* Door::sessionOf(const AdminRequest& request, TimePoint now) {
  const std::string_view cookie = cookieIn(request.header("cookie"));
  if (cookie.empty()) return nullptr;
  const auto found = sessions_.find(access::digestOf(cookie));
  if (found == sessions_.end()) return nullptr;
  Session& session = found->second;
  const access::UserPtr user = find(session.user);
  const bool sameUser = user != nullptr && std::find(user->passwords.begin(), user->passwords.end(),
                                                     session.digest) != user->passwords.end();
  if (!sameUser || now - session.used > kIdle || now - session.began > kLongest) {
    sessions_.erase(found);
    return nullptr;
  }
  session.used = now;
  return &session;
}

Door::Visitor Door::look(const AdminRequest& request, TimePoint now) {
  if (const Session* session = sessionOf(request, now)) return {Entry::User, session->user, session->token};
  if (config_->adminOpen) return {Entry::Reader, {}, {}};
  if (!isLoopback(request.peer) || isForwarded(request)) return {};
  if (!isOwnName(request.header("host"))) return {Entry::WrongName, {}, {}};
  return {Entry::Reader, {}, {}};
}

Door::Login Door::login(const AdminRequest& request, std::string_view name, std::string_view password,
                        TimePoint now) {
  const std::string who = access::subscriberKey(request.peer);
  const auto failed = failures_.find(who);
  if (failed != failures_.end() && now < failed->second.until)
    return {{}, std::chrono::ceil<std::chrono::seconds>(failed->second.until - now)};
  if (!access::accepts(find(name).get(), password)) {
    fail(who, now);
    return {};
  }
  failures_.erase(who);
  const std::string cookie = access::randomDigits(kTokenBits);
  const std::string token = access::randomDigits(kTokenBits);
  if (cookie.empty() || token.empty()) return {};
  if (sessions_.size() >= kMostSessions) {
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    }));
  }
  sessions_[access::digestOf(cookie)] = {std::string(name), access::digestOf(password), token, now, now};
  return {cookieHeader(request, cookie, std::chrono::seconds(kLongest).count()), {}};
}

// After some failures twice as long each time.
void Door::fail(const std::string& who, TimePoint now) {
  if (failures_.size() >= kMostAddresses && !failures_.contains(who)) {
    failures_.erase(std::min_element(failures_.begin(), failures_.end(), [](const auto& a, const auto& b) {
      return a.second.last < b.second.last;
    }));
  }
  Failures& failures = failures_[who];
  if (now - failures.last > std::chrono::minutes(15)) failures.count = 0;
  failures.last = now;
  if (++failures.count < kFreeFailures) return;
  const unsigned doublings = std::min(failures.count - kFreeFailures, 6U);
  failures.until = now + std::min(std::chrono::seconds(1U << doublings), kLongestWait);
}

std::string Door::logout(const AdminRequest& request) {
  sessions_.erase(access::digestOf(cookieIn(request.header("cookie"))));
  return cookieHeader(request, "", 0);
}

// Browsers say where a request comes from; what is no browser has no cookie that another site could use.
bool Door::isSameOrigin(const AdminRequest& request) {
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin") return false;
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  // In front of this may be somebody who speaks TLS.
  const std::string host(request.header("host"));
  return origin == "http://" + host || origin == "https://" + host;
}

}  // namespace slotless::page
