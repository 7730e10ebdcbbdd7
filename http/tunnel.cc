#include "http/tunnel.h"

#include <algorithm>
#include <array>
#include <optional>

#include "http/accept.h"
#include "http/pipe.h"

namespace skiff::http {
namespace {

class TunnelEnd final : public Duplex {
 public:
  TunnelEnd(std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out, bool half_close)
      : in_(std::move(in)), out_(std::move(out)), half_close_(half_close) {}
  ~TunnelEnd() override {
    in_->Leave();
    // In order only if the peer's end was seen, or our own side had ended before.
    out_->End(pulled_all_);
  }
  void Attach(Waker waker) override {
    in_->OnData(waker);
    out_->OnRoom(std::move(waker));
  }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    const Pulled pulled = in_->Pull(bytes_max, out);
    if (pulled == Pulled::kEnd) pulled_all_ = true;
    return pulled;
  }
  size_t OnBytes(std::string_view bytes) override { return out_->Offer(bytes); }
  void OnPeerClosed() override { out_->End(true); }
  bool KeepsReading() const override { return half_close_; }

 private:
  const std::shared_ptr<Pipe> in_;
  const std::shared_ptr<Pipe> out_;
  const bool half_close_;
  bool pulled_all_ = false;
};

constexpr std::array<std::string_view, 8> kHopByHop = {
    "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
    "Te",         "Trailer",    "Transfer-Encoding",  "Proxy-Connection"};

void DropHopByHop(Headers& headers) {
  // Connection names more headers that end here, itself perhaps. It may name very many of them, and
  // this is done on loops, too: each is looked up once.
  std::vector<std::string> lists;
  const auto [first, last] = headers.equal_range("Connection");
  for (auto at = first; at != last; ++at) lists.push_back(at->second);
  for (const std::string& list : lists) {
    for (const std::string_view name : SplitHeader(list, ',')) {
      const auto [begin, end] = headers.equal_range(name);
      headers.erase(begin, end);
    }
  }
  for (const auto name : kHopByHop) headers.erase(std::string(name));
}

bool HasTokenIn(const Headers& headers, const char* name, std::string_view token) {
  const auto [first, last] = headers.equal_range(name);
  return std::any_of(first, last, [&](const auto& h) { return HasToken(h.second, token); });
}

bool AsksForUpgrade(const Headers& headers) {
  return HasTokenIn(headers, "Connection", "upgrade") && headers.count("Upgrade") > 0;
}

// What Upgrade says, for a message; "" where that cannot stand in one as it is.
std::string ShownProtocol(const Headers& headers) {
  const auto found = headers.find("Upgrade");
  if (found == headers.end()) return "";
  const bool is_plain = std::all_of(found->second.begin(), found->second.end(), [](char c) {
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
  });
  return is_plain ? found->second : "";
}

// What an answer is made with, once it or a failure is there.
struct Mapping {
  TunnelOptions tunnel;
  bool upgrade = false;
  std::function<Response(const Error&)> on_error;
  std::function<void(Response&)> on_answer;

  Response Failure(const Error& error) const {
    if (on_error) return on_error(error);
    Response response;
    response.status = 502;
    response.content_type = "text/plain; charset=utf-8";
    response.body = error.message + "\n";
    return response;
  }
  Response Answer(Opened opened) const {
    Response response;
    response.status = opened.status;
    response.headers = std::move(opened.headers);
    if (opened.raw && !upgrade) {
      // Bytes that nobody asked for would stand on a connection that others may share.
      return Failure({Reason::kInternalError, "backend tried to switch protocol \"" +
                                                  ShownProtocol(response.headers) +
                                                  "\" when \"\" was requested"});
    }
    if (opened.raw) {
      auto [ours, theirs] = MakeTunnel(tunnel);
      opened.raw->Carry(std::move(theirs));
      response.upgrade = std::move(ours);
    } else if (upgrade && opened.status < 400) {
      return Failure({Reason::kInternalError,
                      "invalid upgrade response: status code " + std::to_string(opened.status)});
    } else {
      DropHopByHop(response.headers);
      response.stream = std::move(opened.body);
    }
    if (on_answer) on_answer(response);
    return response;
  }
};

class ForwardedResponse final : public PendingResponse {
 public:
  ForwardedResponse(Loops& loops, Forwarding forwarding)
      : loops_(loops), forwarding_(std::move(forwarding)) {}
  void Start(Reply reply) override {
    Mapping mapping{.tunnel = forwarding_.tunnel,
                    .upgrade = AsksForUpgrade(forwarding_.request.headers),
                    .on_error = std::move(forwarding_.on_error),
                    .on_answer = std::move(forwarding_.on_answer)};
    exchange_ =
        Open(loops_, std::move(forwarding_.upstream), std::move(forwarding_.request),
             [mapping = std::move(mapping), reply](Result<Opened> opened) {
               reply(opened ? mapping.Answer(std::move(*opened)) : mapping.Failure(opened.error()));
             });
  }

 private:
  Loops& loops_;
  Forwarding forwarding_;
  std::unique_ptr<Exchange> exchange_;  // Dropped with us when the client leaves.
};

// One end of a tunnel, and the dialling that is to provide the other.
class DialledDuplex final : public Duplex {
 public:
  explicit DialledDuplex(std::unique_ptr<Duplex> end) : end_(std::move(end)) {}
  void set_exchange(std::unique_ptr<Exchange> exchange) { exchange_ = std::move(exchange); }
  void Attach(Waker waker) override { end_->Attach(std::move(waker)); }
  Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) override {
    return end_->Pull(bytes_max, out);
  }
  size_t OnBytes(std::string_view bytes) override { return end_->OnBytes(bytes); }
  void OnPeerClosed() override { end_->OnPeerClosed(); }
  bool KeepsReading() const override { return end_->KeepsReading(); }

 private:
  const std::unique_ptr<Duplex> end_;
  std::unique_ptr<Exchange> exchange_;
};

}  // namespace

std::pair<std::unique_ptr<Duplex>, std::unique_ptr<Duplex>> MakeTunnel(
    const TunnelOptions& options) {
  const auto forth = std::make_shared<Pipe>(options.buffer_bytes_max);
  const auto back = std::make_shared<Pipe>(options.buffer_bytes_max);
  return {std::make_unique<TunnelEnd>(back, forth, options.half_close),
          std::make_unique<TunnelEnd>(forth, back, options.half_close)};
}

bool IsUpgrade(const Request& request) {
  return AsksForUpgrade(request.headers);
}

ClientRequest ForwardedRequest(const Request& request) {
  ClientRequest forwarded{.method = request.method,
                          .target = request.target,
                          .headers = request.headers,
                          .body = request.Body()};
  const bool upgrade = IsUpgrade(request);
  const std::string protocol(request.Header("Upgrade"));
  const bool takes_trailers = HasTokenIn(request.headers, "Te", "trailers");
  DropHopByHop(forwarded.headers);
  // As Go's ReverseProxy does: gRPC servers turn away who does not say so.
  if (takes_trailers) forwarded.headers.emplace("Te", "trailers");
  forwarded.headers.erase("Upgrade");
  forwarded.headers.erase("Expect");
  if (upgrade) {
    forwarded.headers.emplace("Connection", "Upgrade");
    forwarded.headers.emplace("Upgrade", protocol);
  }
  if (!request.remote_address.empty()) {
    std::string chain;
    const auto [first, last] = request.headers.equal_range("X-Forwarded-For");
    for (auto at = first; at != last; ++at) chain += at->second + ", ";
    forwarded.headers.erase("X-Forwarded-For");
    forwarded.headers.emplace("X-Forwarded-For", chain + request.remote_address);
  }
  return forwarded;
}

Response Forward(Loops& loops, Forwarding forwarding) {
  Response response;
  response.pending = std::make_unique<ForwardedResponse>(loops, std::move(forwarding));
  return response;
}

std::unique_ptr<Duplex> Dial(Loops& loops, Upstream upstream, const TunnelOptions& options,
                             std::function<void(const Error&)> on_error) {
  auto [ours, theirs] = MakeTunnel(options);
  auto dialled = std::make_unique<DialledDuplex>(std::move(ours));
  const auto end = std::make_shared<std::unique_ptr<Duplex>>(std::move(theirs));
  dialled->set_exchange(Connect(
      loops, std::move(upstream),
      [end, on_error = std::move(on_error)](Result<std::unique_ptr<RawConnection>> connection) {
        if (connection) return (*connection)->Carry(std::move(*end));
        on_error(connection.error());
        end->reset();  // Which cuts our end.
      }));
  return dialled;
}

}  // namespace skiff::http
