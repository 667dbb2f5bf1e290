#include "proxy/telemetry/admin_response.h"

#include <algorithm>
#include <array>
#include <exception>
#include <optional>
#include <utility>

#include "proxy/telemetry/log.h"
#include "proxy/telemetry/metrics_page.h"

namespace slotless::telemetry {
namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";

struct StatusRow {
  int status;
  std::string_view text;
};

constexpr std::array kStatusTexts = {StatusRow{200, "OK"},
                                     StatusRow{202, "Accepted"},
                                     StatusRow{400, "Bad Request"},
                                     StatusRow{401, "Unauthorized"},
                                     StatusRow{403, "Forbidden"},
                                     StatusRow{404, "Not Found"},
                                     StatusRow{405, "Method Not Allowed"},
                                     StatusRow{409, "Conflict"},
                                     StatusRow{413, "Content Too Large"},
                                     StatusRow{415, "Unsupported Media Type"},
                                     StatusRow{421, "Misdirected Request"},
                                     StatusRow{429, "Too Many Requests"},
                                     StatusRow{500, "Internal Server Error"},
                                     StatusRow{503, "Service Unavailable"}};

std::string_view statusText(int status) {
  return std::find_if(kStatusTexts.begin(), kStatusTexts.end(),
                      [&](const StatusRow& r) { return r.status == status; })
      ->text;
}

AdminResponse metricsPage(const AdminPages& pages) {
  return {200, kMetricsContentType, pages.metrics()};
}

// One line, whatever the reason quotes.
AdminResponse unavailable(std::string_view what, std::string reason) {
  std::replace_if(
      reason.begin(), reason.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return {503, kPlainText, std::string(what) + ": " + reason + "\n"};
}

AdminResponse healthPage(const AdminPages& pages) {
  std::optional<std::string> reason = pages.whyNotAlive();
  if (!reason) return {200, kPlainText, "ok\n"};
  return unavailable("stuck", std::move(*reason));
}

AdminResponse readyPage(const AdminPages& pages) {
  std::optional<std::string> reason = pages.whyNotReady();
  if (!reason) return {200, kPlainText, "ready\n"};
  return unavailable("not ready", std::move(*reason));
}

struct PageRow {
  std::string_view path;
  AdminResponse (*render)(const AdminPages&);
  bool slow;
};

constexpr std::array kPages = {PageRow{"/metrics", metricsPage, true}, PageRow{"/healthz", healthPage, false},
                               PageRow{"/readyz", readyPage, false}};

const PageRow* pageAt(std::string_view path) noexcept {
  const auto* const found =
      std::find_if(kPages.begin(), kPages.end(), [&](const PageRow& row) { return row.path == path; });
  return found == kPages.end() ? nullptr : found;
}

}  // namespace

AdminResponse respondTo(const AdminPages& pages, const AdminRequest& request) noexcept {
  const PageRow* page = pageAt(request.path);
  if (page == nullptr && pages.site == nullptr)
    return {404, kPlainText, "Not found. Try /metrics, /healthz or /readyz.\n"};
  if (page != nullptr && request.method != "GET" && request.method != "HEAD")
    return {405, kPlainText, "Only GET and HEAD.\n", {"Allow: GET, HEAD"}};
  try {
    return page != nullptr ? page->render(pages) : pages.site->answer(request);
  } catch (const std::exception& failure) {
    log::error("admin page failed", {{"path", request.path}, {"error", failure.what()}});
    return {500, kPlainText, "The page failed; see the log.\n"};
  }
}

bool isSlow(const AdminPages& pages, std::string_view path) noexcept {
  const PageRow* page = pageAt(path);
  return page != nullptr ? page->slow : pages.site != nullptr;
}

AdminResponse badRequest() {
  return {400, kPlainText, "That is no HTTP request.\n"};
}

AdminResponse tooLarge() {
  return {413, kPlainText, "The request is too long.\n"};
}

AdminResponse tooManyStreams() {
  return {503, kPlainText, "There are as many streams as there may be; ask for the documents instead.\n"};
}

std::string httpText(const AdminResponse& response, std::string_view method) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + " " +
                     std::string(statusText(response.status)) +
                     "\r\nContent-Type: " + std::string(response.contentType);
  if (!response.streams) text += "\r\nContent-Length: " + std::to_string(response.body.size());
  for (const std::string& header : response.headers) text += "\r\n" + header;
  text += "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
  if (method != "HEAD") text += response.body;
  return text;
}

}  // namespace slotless::telemetry
