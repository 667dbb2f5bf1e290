// Clients that are users of the nodes (client-auth passthrough): whether their credentials are good, and the
// links that each user has for itself.
//
// A node judges each login. Its answer is used again for passthrough-verify-interval, as long as a link of
// that user is up. When a node does not take a user's credentials any more on its links, they are put to a
// node once more; if they are refused, the user is gone, and its clients are closed. Whoever has not logged
// in is the default user, if the nodes let that in without a password. One per worker; off, it costs nothing.
// Secrets are in the links' settings, and nowhere else.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/cluster/topology.h"
#include "proxy/session/node_user.h"
#include "proxy/upstream/doorman.h"

namespace slotless::session {

class Client;
struct Services;

class NodeUsers {
 public:
  // `settings`: how the proxy itself connects. All of these outlive it, but for the services: they are used
  // neither here nor at the end.
  NodeUsers(Services& services, upstream::LinkHost& host, const upstream::LinkPool& masters,
            const upstream::LinkSettings& settings, upstream::LeaseBudgets& budgets);
  ~NodeUsers();

  bool on() const noexcept { return on_; }
  // The configuration may say otherwise than before. True: clients from before have no place any more.
  bool configure();
  // Connections are made otherwise than before.
  void useSettings();
  void setTopology(const cluster::TopologyPtr& topology);

  struct Outcome {
    bool waits = false;  // the client is woken, and is to ask again
    std::string refusal = {};
    bool isWrong = false;  // so that it counts as a failed attempt
  };
  // AUTH in the client's words. Requires that it is on.
  Outcome logIn(Client& client, std::string_view username, std::string_view password, bool isNamed);
  // It has not logged in: the default user may do without. True: that is not known yet, as above.
  bool awaitsGreeting(const Client& client);
  // It has connected, or begins anew.
  void welcome(Client& client);
  // It is no user's client any more; its requests and leases have been given up.
  void leave(Client& client);
  // What it has asked is not wanted any more.
  void forget(const Client& client) { attempts_.erase(clientId(client)); }
  pubsub::Hub& hubOf(NodeUser& user);

  // Another user needs its place.
  void evict(const std::string& name);
  // Once per turn.
  void endTurn();
  void flush();
  bool busy() const;
  // Ten times a second.
  void tend(bool wasHere);
  void tidy();
  void checkReplyTimeouts(net::TimePoint now);
  net::TimePoint::duration silence() const noexcept;
  net::TimePoint::duration leaseSilence() const noexcept;
  std::size_t bytesOpen() const noexcept;
  template <typename Visit>
  void forEach(Visit visit) const {
    for (const auto& [name, user] : users_) visit(*user);
  }

 private:
  enum class Greeting : std::uint8_t { Unknown, Asking, Welcome, PasswordNeeded };
  struct Attempt {
    std::string username;
    std::string digest;
    std::optional<upstream::Doorman::Judgement> judgement = {};
  };

  static std::uint64_t clientId(const Client& client) noexcept;
  upstream::LinkSettings settingsFor(std::string_view username, std::string_view password) const;
  Outcome enter(Client& client, std::string_view username, std::string_view password,
                const std::string& digest);
  NodeUser* find(std::string_view name) const;
  NodeUser* make(const std::string& name, std::string_view username, std::string_view password);
  void move(Client& client, NodeUser& user);
  void noteVerified(NodeUser& user, std::string_view password, const std::string& digest);
  bool isFresh(net::TimePoint at) const;
  void askGreeting();
  void onGreeting(const upstream::Doorman::Judgement& judgement);
  void recheck(NodeUser& user);
  void onGone(const std::string& name);
  void dropUnused();

  Services& services_;
  const upstream::LinkSettings& settings_;
  upstream::LeaseBudgets& budgets_;
  upstream::Access nobody_;
  upstream::Doorman doorman_;
  upstream::Doorman greeter_;
  bool on_ = false;
  std::map<std::string, std::unique_ptr<NodeUser>, std::less<>> users_;  // empty name: who has not logged in
  std::unordered_map<std::uint64_t, Attempt> attempts_;                  // by client
  Greeting greeting_ = Greeting::Unknown;
  net::TimePoint greetedAt_{};
};

}  // namespace slotless::session
