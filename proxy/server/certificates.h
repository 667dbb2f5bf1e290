// What TLS is done with, to the nodes, for clients and for the admin pages: made of its files at the start,
// and anew when these change or the configuration is read again.
//
// Files are looked at on a thread of its own, about once a second, by what their names lead to: so a
// symbolic link that is turned to another folder, as Kubernetes does it, is a change, too. They are read once
// they have come to rest. What cannot be used changes nothing but the log. Errors at the start: as a text.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "proxy/net/tls_source.h"
#include "proxy/server/file_watch.h"
#include "proxy/server/loop_thread.h"
#include "proxy/telemetry/metrics_page.h"

namespace slotless::server {

class Certificates {
 public:
  Certificates() = default;
  ~Certificates();

  // Reads what this configuration demands. An error: why that cannot be used. Once, before anything else.
  std::optional<std::string> open(const config::Config& config);
  // Begins to look for changes, if there is anything to look at.
  void start();
  void stop();
  // Reads all files anew, by what the configuration says now.
  void reload(std::shared_ptr<const config::Config> config);

  // nullptr: TLS is not used there.
  net::TlsSourcePtr forNodes() const { return nodes_.source; }
  net::TlsSourcePtr forClients() const { return clients_.source; }
  net::TlsSourcePtr forAdmin() const { return admin_.source; }
  // On any thread.
  std::vector<telemetry::CertificateFacts> facts() const;

 private:
  // One of them; all but `source` is guarded by mutex_ once the thread runs, or is the thread's own.
  struct Side {
    std::string_view name;
    net::TlsMade (*make)(const config::Config&);
    std::vector<std::string> (*files)(const config::Config&);
    std::string config::Config::*certificate;
    std::shared_ptr<net::TlsSource> source = nullptr;
    FileWatch watch = {};
    std::string file = {};
    std::int64_t expiry = 0;
  };

  std::optional<std::string> openSide(Side& side, const config::Config& config);
  void look();
  void renew(Side& side);
  void note(Side& side, const config::Config& config);

  static Side clients();
  static Side admin();
  static Side nodes();

  std::shared_ptr<const config::Config> config_;  // the thread's
  Side clients_ = clients();
  Side admin_ = admin();
  Side nodes_ = nodes();
  mutable std::mutex mutex_;
  std::unique_ptr<net::Timer> timer_;
  std::unique_ptr<LoopThread> thread_;
};

}  // namespace slotless::server
