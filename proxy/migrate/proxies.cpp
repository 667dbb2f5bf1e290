#include "proxy/migrate/proxies.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace slotless::migrate {

using subcommand::NodeClient;
using subcommand::Reply;

namespace {

std::string fieldOf(std::string_view text, std::string_view name) {
  const std::string begin = std::string(name) + ":";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\r\n", at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(begin)) return std::string(line.substr(begin.size()));
    at = end + 2;
  }
  return {};
}

std::string objectionOf(const Reply& reply) {
  if (reply.failed()) return reply.text;
  if (fieldOf(reply.text, "side") == "cluster") return "serves the cluster already";
  if (fieldOf(reply.text, "phase") != "serving") return "another cut-over is under way";
  return fieldOf(reply.text, "objection");
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

std::string Proxies::objections() {
  return all([](Proxy& proxy) {
    const Reply reply = proxy.client.command({"PROXY", "CUT-OVER", "STATUS"});
    if (!reply.failed()) proxy.process = fieldOf(reply.text, "process");
    return objectionOf(reply);
  });
}

bool Proxies::has(const std::string& process) const {
  return std::any_of(proxies_.begin(), proxies_.end(),
                     [&](const Proxy& proxy) { return proxy.process == process; });
}

std::string Proxies::prepare(const std::string& id, std::chrono::milliseconds patience,
                             std::chrono::milliseconds hold) {
  return all([&](Proxy& proxy) {
    const Reply reply = proxy.client.command(
        {"PROXY", "CUT-OVER", "PREPARE", id, std::to_string(patience.count()), std::to_string(hold.count())});
    return reply.isOk() ? std::string() : reply.text;
  });
}

std::string Proxies::settle(const std::string& id) {
  return all([&](Proxy& proxy) {
    const Reply reply = proxy.client.command({"PROXY", "CUT-OVER", "SETTLE", id});
    return reply.isOk() ? std::string() : reply.text;
  });
}

}  // namespace slotless::migrate
