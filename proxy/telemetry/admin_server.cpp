#include "proxy/telemetry/admin_server.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "proxy/net/tls_stream.h"
#include "proxy/telemetry/admin_connection.h"
#include "proxy/telemetry/admin_response.h"

namespace slotless::telemetry {

namespace {

constexpr net::Millis kStopTimeout{kAdminStopTimeoutMillis};
// A little less than the request has, so that it is known what was missing.
constexpr net::Millis kHandshakePatience{kAdminRequestTimeoutMillis * 7 / 8};

// Signals are for the thread that waits for them, never for these.
void beginThread(const char* name) {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  pthread_setname_np(pthread_self(), name);
}

AdminResponse stoppingResponse() {
  return {503, "text/plain; charset=utf-8", "stopping\n"};
}

}  // namespace

AdminServer::AdminServer(net::ListeningSocket socket, net::TlsSourcePtr tls, AdminPages pages)
    : tls_(std::move(tls)),
      pages_(std::move(pages)),
      listener_(net::Listener::on(net_, std::move(socket), [this](int descriptor) { accept(descriptor); })) {
  loop_ = std::thread([this] {
    beginThread("admin");
    net_.run();
  });
  renderer_ = std::thread([this] {
    beginThread("admin-pages");
    render();
  });
}

AdminServer::~AdminServer() {
  {
    std::unique_lock lock(mutex_);
    refusing_ = true;
    changed_.wait_for(lock, kStopTimeout, [this] { return unanswered_ == 0; });
    stopping_ = true;
    changed_.notify_all();
  }
  // What was promised is sent, if it goes in that time.
  net_.post([this] {
    ending_ = true;
    end_ = net_.makeTimer([this] { net_.stop(); });
    end_->start(kStopTimeout);
    endWhenWritten();
  });
  loop_.join();
  renderer_.join();
}

void AdminServer::accept(int descriptor) {
  const std::uint64_t id = ++lastId_;
  AdminConnection::Events events;
  events.page = [this, id](std::string_view method, std::string_view path) {
    return pageFor(id, method, path);
  };
  events.closed = [this] { closeLater(); };
  auto connection = std::make_unique<AdminConnection>(id, net_, std::move(events));
  std::unique_ptr<net::Stream> stream;
  if (tls_ != nullptr) {
    stream = net::TlsStream::adopt(net_, tls_->current(), descriptor, *connection, kHandshakePatience);
  } else {
    stream = net_.adopt(descriptor, *connection);
  }
  if (stream == nullptr) return;
  makeRoomFor(stream->peer().host);
  connection->standOn(std::move(stream));
  connections_.push_back(std::move(connection));
}

// Who has just connected is more likely to be served at once than who has been there for a while.
void AdminServer::makeRoomFor(const std::string& host) {
  const auto same = [&](const auto& each) { return each->host() == host; };
  const auto ofHost = static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), same));
  auto oldest = connections_.end();
  if (ofHost >= kAdminMaxPerAddress) {
    oldest = std::find_if(connections_.begin(), connections_.end(), same);
  } else if (connections_.size() >= kAdminMaxConnections) {
    oldest = connections_.begin();
  }
  if (oldest != connections_.end()) connections_.erase(oldest);
}

// Nothing destroys itself in its own callback.
void AdminServer::closeLater() {
  net_.post([this] {
    connections_.remove_if([](const auto& each) { return each->closed(); });
    endWhenWritten();
  });
}

void AdminServer::endWhenWritten() {
  if (!ending_) return;
  const auto writes = [](const auto& each) { return each->writing(); };
  if (std::none_of(connections_.begin(), connections_.end(), writes)) net_.stop();
}

std::string AdminServer::pageFor(std::uint64_t connection, std::string_view method, std::string_view path) {
  {
    const std::lock_guard guard(mutex_);
    if (refusing_) return httpText(stoppingResponse(), method);
    if (isSlow(path)) {
      ++unanswered_;
      toRender_.push_back({connection, std::string(method), std::string(path), {}});
      changed_.notify_all();
      return {};
    }
  }
  return httpText(respondTo(pages_, method, path), method);
}

void AdminServer::deliver(Job job) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& each) { return each->id() == job.connection; });
  if (found != connections_.end() && !(*found)->closed()) (*found)->answer(std::move(job.answer));
  const std::lock_guard guard(mutex_);
  --unanswered_;
  changed_.notify_all();
}

void AdminServer::render() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !toRender_.empty(); });
    if (stopping_) return;
    Job job = std::move(toRender_.front());
    toRender_.pop_front();
    lock.unlock();
    job.answer = httpText(respondTo(pages_, job.method, job.path), job.method);
    net_.post([this, job = std::move(job)]() mutable { deliver(std::move(job)); });
    lock.lock();
  }
}

}  // namespace slotless::telemetry
