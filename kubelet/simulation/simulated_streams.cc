#include "kubelet/simulation/simulated_streams.h"

#include <map>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "http/spdy.h"
#include "http/websocket.h"
#include "kubelet/simulation/channel_messages.h"
#include "kubelet/streaming/kubelet_request.h"

namespace skiff::kubelet {
namespace {

constexpr char kSuccess[] = R"({"metadata":{},"status":"Success"})";
constexpr char kOutputChannel = 1;
constexpr char kStatusChannel = 3;
constexpr int kClosedNormally = 1000;

std::string StreamType(const http::Headers& headers) {
  const auto type = headers.find("streamtype");
  return type == headers.end() ? "" : type->second;
}

// Ends a command once, whoever says so first, on whatever thread.
class Once {
 public:
  explicit Once(std::function<void()> act) : act_(std::move(act)) {}
  void operator()() {
    std::function<void()> act;
    {
      MutexLock lock(mutex_);
      act.swap(act_);
    }
    if (act) act();
  }

 private:
  Mutex mutex_;
  std::function<void()> act_ GUARDED_BY(mutex_);
};

void EndWith(const std::shared_ptr<FollowedContainer>& container, std::function<void()> act) {
  if (!container) return act();
  // Its own end may come again and again, as a waker's may.
  container->OnEnd([once = std::make_shared<Once>(std::move(act))] { (*once)(); });
}

// A client opens its streams first; the command runs when all are there.
class SpdyCommand final : public http::SpdyHandler {
 public:
  SpdyCommand(const cri::StreamOptions& streams, std::string text,
              std::shared_ptr<FollowedContainer> container)
      : text_(std::move(text)), container_(std::move(container)) {
    missing_.insert("error");
    if (streams.stdin) missing_.insert("stdin");
    if (streams.stdout) missing_.insert("stdout");
    if (streams.stderr && !streams.tty) missing_.insert("stderr");
    if (streams.tty) missing_.insert("resize");
  }
  void OnOpen(std::shared_ptr<http::SpdySender> sender) override { sender_ = std::move(sender); }
  bool OnStream(http::SpdyStreamId stream, const http::Headers& headers) override {
    const std::string type = StreamType(headers);
    if (missing_.erase(type) == 0) return false;
    if (type != "stdin" && type != "resize") outputs_[type] = stream;
    if (missing_.empty()) {
      opened_ = true;
      sender_->Wake();
    }
    return true;
  }
  // After the reply to the last stream, before which peers drop what is written to it.
  void OnRoom(size_t) override {
    if (std::exchange(opened_, false)) Run();
  }
  size_t OnData(http::SpdyStreamId, std::string_view bytes) override { return bytes.size(); }
  void OnFin(http::SpdyStreamId) override {}
  void OnReset(http::SpdyStreamId) override {}
  void OnClose() override {}

 private:
  void Run() {
    if (outputs_.contains("stdout")) sender_->Send(outputs_["stdout"], text_);
    EndWith(container_, [sender = sender_, outputs = outputs_] {
      for (const auto& [type, stream] : outputs) {
        if (type == "error") sender->Send(stream, kSuccess);
        sender->Finish(stream);
      }
      sender->Close();
    });
  }

  const std::string text_;
  const std::shared_ptr<FollowedContainer> container_;
  std::shared_ptr<http::SpdySender> sender_;
  std::set<std::string> missing_;
  std::map<std::string, http::SpdyStreamId> outputs_;
  bool opened_ = false;
};

class MessageCommand final : public http::MessageHandler {
 public:
  MessageCommand(ChannelMessages messages, bool has_output, std::string text,
                 std::shared_ptr<FollowedContainer> container)
      : messages_(messages),
        has_output_(has_output),
        text_(std::move(text)),
        container_(std::move(container)) {}
  void OnOpen(std::shared_ptr<http::WebSocketSender> sender) override {
    if (has_output_) sender->Send(messages_.Make(kOutputChannel, text_), messages_.is_text());
    EndWith(container_, [sender, messages = messages_] {
      sender->Send(messages.Make(kStatusChannel, kSuccess), messages.is_text());
      sender->Close(kClosedNormally);
    });
  }
  bool OnMessage(std::string_view, bool) override { return true; }
  void OnClose(int, std::string_view) override {}

 private:
  const ChannelMessages messages_;
  const bool has_output_;
  const std::string text_;
  const std::shared_ptr<FollowedContainer> container_;
};

}  // namespace

http::Response AnswerSimulatedCommand(const http::Request& request,
                                      const cri::StreamOptions& streams, std::string text,
                                      std::shared_ptr<FollowedContainer> container) {
  if (http::IsWebSocket(request)) {
    const auto chosen =
        http::ChooseSubprotocol(request, {"v4.channel.k8s.io", "v4.base64.channel.k8s.io",
                                          "channel.k8s.io", "base64.channel.k8s.io", ""});
    if (!chosen) {
      return PlainAnswer(400, "no protocol in common; this node speaks v4.channel.k8s.io");
    }
    return http::AcceptWebSocket(
        request, *chosen,
        std::make_unique<MessageCommand>(ChannelMessages(*chosen), streams.stdout, std::move(text),
                                         std::move(container)));
  }
  if (!http::IsSpdy(request)) return PlainAnswer(400, "Upgrade request required");
  return http::AcceptSpdy(request, {"v4.channel.k8s.io", "v3.channel.k8s.io"},
                          [&](const std::string&) {
                            return std::make_unique<SpdyCommand>(streams, std::move(text),
                                                                 std::move(container));
                          });
}

}  // namespace skiff::kubelet
