#include "proxy/migrate/proxies.h"

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

#include "config/side_words.h"
#include "proxy/migrate/peer_list.h"
#include "proxy/subcommand/info_text.h"

namespace slotless::migrate {

using subcommand::InfoText;
using subcommand::NodeClient;
using subcommand::Reply;

namespace {

std::string objectionOf(const Reply& reply, const std::string& side) {
  if (reply.failed()) return reply.text;
  const InfoText status(reply.text);
  if (status.value("side") == side)
    return side == config::kClusterSide ? "serves the cluster already" : "serves the server already";
  if (status.value("phase") != "serving") return "another cut-over is under way";
  return std::string(status.value("objection"));
}

}  // namespace

Proxies::Proxies(const std::vector<subcommand::ServerUrl>& urls, const subcommand::ConnectOptions& options) {
  for (const auto& url : urls) proxies_.push_back({NodeClient(url, options)});
}

// Each on a thread of its own: the slowest one decides how long clients wait.
template <typename Ask>
std::string Proxies::all(Ask ask) {
  std::vector<std::thread> threads;
  threads.reserve(proxies_.size());
  for (Proxy& proxy : proxies_) threads.emplace_back([&proxy, &ask] { proxy.error = ask(proxy); });
  for (std::thread& thread : threads) thread.join();
  std::string errors;
  for (const Proxy& proxy : proxies_) {
    if (proxy.error.empty()) continue;
    if (!errors.empty()) errors += "\n";
    errors += "proxy " + proxy.client.url().shown() + ": " + proxy.error;
  }
  return errors;
}

std::string Proxies::objections(const std::string& side) {
  return all([&](Proxy& proxy) {
    const Reply reply = proxy.client.command({"PROXY", "CUT-OVER", "STATUS"});
    if (!reply.failed()) proxy.process = InfoText(reply.text).value("process");
    return objectionOf(reply, side);
  });
}

std::set<std::string> Proxies::heard(std::string& complaints) {
  std::mutex mutex;
  std::set<std::string> places;
  complaints = all([&](Proxy& proxy) -> std::string {
    const Reply reply = proxy.client.command({"PROXY", "PEERS"});
    if (reply.failed()) return reply.text;
    PeerList list = readPeerList(reply.text);
    const std::lock_guard guard(mutex);
    places.merge(list.places);
    return list.isHeard ? "" : "hears no other proxies";
  });
  return places;
}

bool Proxies::has(const std::string& process) const {
  return std::any_of(proxies_.begin(), proxies_.end(),
                     [&](const Proxy& proxy) { return proxy.process == process; });
}

std::string Proxies::prepare(const std::string& id, const std::string& side,
                             std::chrono::milliseconds patience, std::chrono::milliseconds hold) {
  return all([&](Proxy& proxy) {
    const Reply reply =
        proxy.client.command({"PROXY", "CUT-OVER", "PREPARE", id, std::to_string(patience.count()),
                              std::to_string(hold.count()), side});
    return reply.isOk() ? std::string() : reply.text;
  });
}

std::string Proxies::settle(const std::string& id, const std::string& side) {
  return all([&](Proxy& proxy) {
    const Reply reply = proxy.client.command({"PROXY", "CUT-OVER", "SETTLE", id, side});
    return reply.isOk() ? std::string() : reply.text;
  });
}

}  // namespace slotless::migrate
