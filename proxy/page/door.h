// Who may see the status page, and who may act on it: logins, sessions, and what a request has to bring.
//
// No I/O, and no clock of its own. Belongs to the thread that renders pages. Without a login only somebody on
// this machine reads, by a name that no other site's page can have (DNS rebinding), or everybody with
// admin-open. A session is a random cookie that only the browser sees; whoever changes something shows a
// second token, which only the page's own script can read.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"
#include "proxy/access/roster.h"
#include "proxy/telemetry/admin_site.h"

namespace slotless::page {

class Door {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::size_t kMostSessions = 64;
  static constexpr std::size_t kMostAddresses = 1024;  // of which failed logins are remembered
  static constexpr std::chrono::minutes kIdle{30};
  static constexpr std::chrono::hours kLongest{8};
  static constexpr unsigned kFreeFailures = 3;  // of one address, before it has to wait
  static constexpr std::chrono::seconds kLongestWait{60};

  // The rules from now on. `roster` counts where admin-users is empty.
  void setRules(std::shared_ptr<const config::Config> config, access::Roster::SnapshotPtr roster);

  enum class Entry : std::uint8_t {
    Denied,     // has to log in
    WrongName,  // asks by a name that may be anybody's
    Reader,     // without a login
    User,
  };
  struct Visitor {
    Entry entry = Entry::Denied;
    std::string user;
    std::string token;  // to be shown by who changes something
    bool reads() const noexcept { return entry == Entry::Reader || entry == Entry::User; }
  };
  Visitor look(const telemetry::AdminRequest& request, TimePoint now);

  // Whether anybody could log in.
  bool hasUsers() const;

  struct Login {
    std::string cookie;                  // the header to set; empty: refused
    std::chrono::seconds retryAfter{0};  // not 0: not even looked at, too many failures
  };
  Login login(const telemetry::AdminRequest& request, std::string_view name, std::string_view password,
              TimePoint now);
  // The header that ends the session in the browser, too.
  std::string logout(const telemetry::AdminRequest& request);

  // Whether it comes from a page of this site: by its own headers, before any token.
  static bool isSameOrigin(const telemetry::AdminRequest& request);

 private:
  struct Session {
    std::string user;
    std::string digest;  // of the password; who has another one by now is out
    std::string token;
    TimePoint began;
    TimePoint used;
  };
  struct Failures {
    unsigned count = 0;
    TimePoint until{};
    TimePoint last{};
  };

  access::UserPtr find(std::string_view name) const;
  Session* sessionOf(const telemetry::AdminRequest& request, TimePoint now);
  void fail(const std::string& who, TimePoint now);

  std::shared_ptr<const config::Config> config_;
  access::Roster::SnapshotPtr roster_;
  access::Users own_;                         // admin-users
  std::map<std::string, Session> sessions_;   // by the digest of the cookie
  std::map<std::string, Failures> failures_;  // by subscriber (proxy/access/subscriber.h)
};

}  // namespace slotless::page
