// The proxies that a cut-over is about, by their consoles (PROXY CUT-OVER).
#pragma once
#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/subcommand/node_client.h"

namespace slotless::migrate {

class Proxies {
 public:
  Proxies(const std::vector<subcommand::ServerUrl>& urls, const subcommand::ConnectOptions& options);

  // What they say of themselves. The objections to going over to that side, one a line; empty: there are
  // none.
  std::string objections(const std::string& side);
  // The proxies that serve the same side as one of these, as they hear them: where they run. Complaints:
  // those that hear nobody, one a line.
  std::set<std::string> heard(std::string& complaints);
  // By which name it has announced itself; after objections().
  bool has(const std::string& process) const;
  // All at once. The error of those that refuse, one a line; empty: all of them hold.
  std::string prepare(const std::string& id, const std::string& side, std::chrono::milliseconds patience,
                      std::chrono::milliseconds hold);
  std::string settle(const std::string& id, const std::string& side);

 private:
  struct Proxy {
    subcommand::NodeClient client;
    std::string error = {};
    std::string process = {};
  };
  template <typename Ask>
  std::string all(Ask ask);

  std::vector<Proxy> proxies_;
};

}  // namespace slotless::migrate
