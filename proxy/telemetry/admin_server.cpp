#include "proxy/telemetry/admin_server.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>

#include "proxy/net/tls_stream.h"
#include "proxy/telemetry/admin_connection.h"
#include "proxy/telemetry/admin_response.h"
#include "proxy/telemetry/log.h"

namespace slotless::telemetry {

namespace {

constexpr net::Millis kStreamInterval{kAdminStreamMillis};
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
      listener_(net::Listener::on(net_, std::move(socket), [this](int descriptor) { accept(descriptor); })),
      nextEvent_(net_.makeTimer([this] { askForEvent(); })) {
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
  events.page = [this, id](AdminRequest request) { return pageFor(id, std::move(request)); };
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
  const auto same = [&](const auto& each) { return each->host() == host && !each->streams(); };
  const auto ofHost = static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), same));
  auto oldest = connections_.end();
  if (ofHost >= kAdminMaxPerAddress) {
    oldest = std::find_if(connections_.begin(), connections_.end(), same);
  } else if (connections_.size() - streams() >= kAdminMaxConnections) {
    oldest = std::find_if(connections_.begin(), connections_.end(),
                          [](const auto& each) { return !each->streams(); });
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

std::size_t AdminServer::streams() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](const auto& each) { return each->streams(); }));
}

std::string AdminServer::pageFor(std::uint64_t connection, AdminRequest request) {
  {
    const std::lock_guard guard(mutex_);
    if (refusing_) return httpText(stoppingResponse(), request.method);
    if (isSlow(pages_, request.path)) {
      ++unanswered_;
      toRender_.push_back({connection, std::move(request), {}});
      changed_.notify_all();
      return {};
    }
  }
  return httpText(respondTo(pages_, request), request.method);
}

void AdminServer::deliver(Job job) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [&](const auto& each) { return each->id() == job.connection; });
  if (job.connection == 0) {
    sendEvent(job.answer);
  } else if (found != connections_.end() && !(*found)->closed()) {
    give(**found, std::move(job));
  }
  const std::lock_guard guard(mutex_);
  --unanswered_;
  changed_.notify_all();
}

void AdminServer::give(AdminConnection& connection, Job job) {
  if (!job.streams) return connection.answer(std::move(job.answer));
  if (streams() >= kAdminMaxStreams) return connection.answer(httpText(tooManyStreams(), job.request.method));
  connection.beginStream(std::move(job.answer));
  if (!nextEvent_->active()) nextEvent_->start(kStreamInterval);
}

// One at a time: the timer starts again when the event is there.
void AdminServer::askForEvent() {
  if (streams() == 0) return;
  const std::lock_guard guard(mutex_);
  if (refusing_) return;
  ++unanswered_;
  toRender_.emplace_back();
  changed_.notify_all();
}

void AdminServer::sendEvent(const std::string& event) {
  for (const auto& each : connections_) each->send(event);
  nextEvent_->start(kStreamInterval);
}

void AdminServer::make(Job& job) {
  if (job.connection != 0) {
    const AdminResponse response = respondTo(pages_, job.request);
    job.streams = response.streams && job.request.method != "HEAD";
    job.answer = httpText(response, job.request.method);
    return;
  }
  try {
    job.answer = pages_.site->nextEvent();
  } catch (const std::exception& failure) {
    log::error("admin page failed", {{"path", "the stream of events"}, {"error", failure.what()}});
  }
}

void AdminServer::render() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !toRender_.empty(); });
    if (stopping_) return;
    Job job = std::move(toRender_.front());
    toRender_.pop_front();
    lock.unlock();
    make(job);
    net_.post([this, job = std::move(job)]() mutable { deliver(std::move(job)); });
    lock.lock();
  }
}

}  // namespace slotless::telemetry
