// The loop behind AdminHttp: connections with their deadlines, and the thread that renders slow pages.
//
// Ownership: the listening socket and all connections are the server's. They belong to the loop's thread; the
// two threads meet in the guarded part only.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "proxy/net/listener.h"
#include "proxy/net/tls_source.h"
#include "proxy/net/uv_loop.h"
#include "proxy/telemetry/admin_http.h"
#include "proxy/telemetry/admin_site.h"

namespace slotless::telemetry {

class AdminConnection;

class AdminServer {
 public:
  // `tls`: nullptr for none.
  AdminServer(net::ListeningSocket socket, net::TlsSourcePtr tls, AdminPages pages);
  // Stops as ~AdminHttp() says.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

 private:
  struct Job {
    std::uint64_t connection = 0;  // 0: an event for all streams
    AdminRequest request;
    std::string answer;
    bool streams = false;
  };

  // On the loop's thread.
  void accept(int descriptor);
  void makeRoomFor(const std::string& host);
  // The text of a page that is made at once; empty: it comes later, by takeRendered().
  std::string pageFor(std::uint64_t connection, AdminRequest request);
  void deliver(Job job);
  void give(AdminConnection& connection, Job job);
  void askForEvent();
  void sendEvent(const std::string& event);
  std::size_t streams() const;
  void closeLater();
  void endWhenWritten();
  // On the other one.
  void render();
  void make(Job& job);

  const net::TlsSourcePtr tls_;
  const AdminPages pages_;
  net::UvLoop net_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<net::Timer> end_;
  std::unique_ptr<net::Timer> nextEvent_;                    // runs while there are streams
  std::list<std::unique_ptr<AdminConnection>> connections_;  // oldest first
  std::uint64_t lastId_ = 0;
  bool ending_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> toRender_;
  std::size_t unanswered_ = 0;  // jobs that are under way, until their page is written
  bool refusing_ = false;
  bool stopping_ = false;

  std::thread loop_;
  std::thread renderer_;
};

}  // namespace slotless::telemetry
