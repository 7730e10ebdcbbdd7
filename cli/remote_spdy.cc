#include <set>

#include "api/codec/json.h"
#include "cli/json_text.h"
#include "cli/remote_link.h"
#include "client/client.h"
#include "http/spdy.h"

namespace skiff::cli {
namespace {

constexpr char kProtocol[] = "v4.channel.k8s.io";
constexpr size_t kRefusalBytesMax = 64 << 10;

// The streams of one command, in the order in which servers want them.
class SpdySession final : public http::SpdyHandler {
 public:
  SpdySession(std::shared_ptr<RemoteState> state, RemoteOutputs outputs,
              const RemoteRequest& request)
      : state_(std::move(state)),
        outputs_(std::move(outputs)),
        with_stdin_(request.with_stdin),
        tty_(request.tty) {}

  void OnOpen(std::shared_ptr<http::SpdySender> sender) override;
  bool OnStream(http::SpdyStreamId /*stream*/, const http::Headers& /*headers*/) override {
    return false;
  }
  void OnReply(http::SpdyStreamId stream) override;
  size_t OnData(http::SpdyStreamId stream, std::string_view bytes) override;
  void OnFin(http::SpdyStreamId stream) override { End(stream); }
  void OnReset(http::SpdyStreamId stream) override { End(stream); }
  void OnRoom(size_t /*bytes*/) override { state_->Signal(); }
  void OnClose() override {
    const MutexLock lock(state_->mutex);
    if (!state_->closed) state_->close_code = open_.contains(error_) ? 1006 : 1000;
    state_->closed = true;
    state_->Signal();
  }

 private:
  class Link;
  void End(http::SpdyStreamId stream);

  const std::shared_ptr<RemoteState> state_;
  const RemoteOutputs outputs_;
  const bool with_stdin_;
  const bool tty_;
  // From here on only the loop's thread.
  std::shared_ptr<http::SpdySender> sender_;
  std::shared_ptr<Link> link_;
  http::SpdyStreamId error_ = 0;
  http::SpdyStreamId stdout_ = 0;
  http::SpdyStreamId stderr_ = 0;
  std::set<http::SpdyStreamId> open_;       // Those that the peer has not ended.
  std::set<http::SpdyStreamId> unreplied_;  // Peers drop data that comes before their reply.
};

class SpdySession::Link final : public RemoteLink {
 public:
  Link(std::shared_ptr<http::SpdySender> sender, http::SpdyStreamId input, http::SpdyStreamId size)
      : sender_(std::move(sender)), input_(input), size_(size) {}
  bool SendInput(const std::string& bytes) override { return SendOrWake(input_, bytes); }
  bool EndInput() override {
    sender_->Finish(input_);
    return true;
  }
  bool SendSize(const std::string& json) override {
    return size_ == 0 || SendOrWake(size_, json + "\n");
  }

 private:
  // Without room the session says when there is some.
  bool SendOrWake(http::SpdyStreamId stream, const std::string& bytes) {
    if (sender_->Send(stream, bytes)) return true;
    sender_->Wake();
    return false;
  }

  const std::shared_ptr<http::SpdySender> sender_;
  const http::SpdyStreamId input_;
  const http::SpdyStreamId size_;
};

void SpdySession::OnOpen(std::shared_ptr<http::SpdySender> sender) {
  sender_ = std::move(sender);
  const auto open = [&](const char* type) {
    const http::SpdyStreamId stream = sender_->Open({{"streamType", type}});
    unreplied_.insert(stream);
    return stream;
  };
  error_ = open("error");
  const http::SpdyStreamId input = with_stdin_ ? open("stdin") : 0;
  stdout_ = open("stdout");
  if (!tty_) stderr_ = open("stderr");
  const http::SpdyStreamId size = tty_ ? open("resize") : 0;
  sender_->Finish(error_);
  open_ = {error_, stdout_};
  if (!tty_) open_.insert(stderr_);
  link_ = std::make_shared<Link>(sender_, input, size);
}

void SpdySession::OnReply(http::SpdyStreamId stream) {
  unreplied_.erase(stream);
  if (!unreplied_.empty()) return;
  const MutexLock lock(state_->mutex);
  state_->link = link_;
  state_->Signal();
}

size_t SpdySession::OnData(http::SpdyStreamId stream, std::string_view bytes) {
  if (stream == stdout_) outputs_.out(bytes);
  if (stream == stderr_ && stderr_ != 0) outputs_.err(bytes);
  if (stream == error_) {
    const MutexLock lock(state_->mutex);
    state_->status += bytes;
  }
  return bytes.size();
}

// The command is over when its outputs are, and its result is known.
void SpdySession::End(http::SpdyStreamId stream) {
  open_.erase(stream);
  if (!open_.empty()) return;
  const MutexLock lock(state_->mutex);
  state_->closed = true;
  state_->close_code = 1000;
  state_->Signal();
  sender_->Close();
}

}  // namespace

std::unique_ptr<http::Exchange> OpenRemoteSpdy(http::Loops& loops, const ServerAddress& address,
                                               const RemoteRequest& request,
                                               std::shared_ptr<RemoteState> state,
                                               RemoteOutputs outputs) {
  http::ClientRequest upgrade = RemoteUpgradeRequest(address, request);
  upgrade.method = "POST";
  http::AskForSpdy(upgrade.headers, {kProtocol});
  return http::Open(loops, address.upstream, std::move(upgrade),
                    [state, outputs, request](Result<http::Opened> opened) {
                      if (opened && opened->raw) {
                        auto session = std::make_unique<SpdySession>(state, outputs, request);
                        opened->raw->Carry(http::MakeSpdy(http::SpdyRole::kClient,
                                                          std::move(session), {.ping_every = 5s}));
                        return;
                      }
                      const MutexLock lock(state->mutex);
                      if (opened) {
                        state->answer = std::move(*opened);
                      } else {
                        state->refused = opened.error();
                      }
                      state->Signal();
                    });
}

Error ReadRefusal(http::Opened answer) {
  struct Signal {
    Mutex mutex;
    CondVar changed;
    bool woken GUARDED_BY(mutex) = true;
  };
  const auto signal = std::make_shared<Signal>();
  std::string text;
  if (answer.body) {
    answer.body->Attach([signal] {
      const MutexLock lock(signal->mutex);
      signal->woken = true;
      signal->changed.notify_all();
    });
  }
  while (answer.body && text.size() < kRefusalBytesMax) {
    std::vector<http::SharedBytes> chunks;
    const http::Pulled pulled = answer.body->Pull(kRefusalBytesMax, chunks);
    for (const http::SharedBytes& chunk : chunks) text += *chunk;
    if (pulled == http::Pulled::kEnd || pulled == http::Pulled::kAbort) break;
    if (pulled == http::Pulled::kMore) continue;
    MutexLock lock(signal->mutex);
    while (!signal->woken) signal->changed.wait(lock);
    signal->woken = false;
  }
  const auto document = ParseJson(text);
  if (document && TextAt(*document, "kind") == "Status") {
    return ErrorFromStatus(*document, answer.status);
  }
  while (text.ends_with('\n')) text.pop_back();
  return Error{Reason::kBadRequest, "unable to upgrade connection: " + text};
}

}  // namespace skiff::cli
