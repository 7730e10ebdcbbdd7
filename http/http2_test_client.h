// A blocking client of HTTP/2 for tests, by way of libnghttp2: many requests on one connection, and
// whatever else a client may do there, decent or not.
#pragma once

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/http2_head.h"
#include "http/test_client.h"

namespace skiff::http::testing {

class Http2TestClient {
 public:
  struct Answer {
    int status = 0;
    std::multimap<std::string, std::string> headers;
    std::string body;
    size_t frames = 0;                    // Of it.
    bool ended = false;                   // In order.
    std::optional<uint32_t> closed = {};  // With which code.
    bool asked_for_body = false;          // 100.
    std::string Header(const std::string& name) const {
      const auto it = headers.find(name);
      return it == headers.end() ? "" : it->second;
    }
  };
  struct Options {
    uint32_t window_bytes = 64 << 10;  // A stream's.
    bool reads_all = true;             // Gives the windows back as bytes come.
    std::optional<ClientTls> tls = ClientTls{.insecure = true};
  };

  explicit Http2TestClient(int port) : Http2TestClient(port, Options{}) {}
  Http2TestClient(int port, const Options& options) : socket_(port, options.tls, "\x02h2") {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_option* behaviour = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_option_new(&behaviour);
    // What the server must refuse must leave us first.
    nghttp2_option_set_no_http_messaging(behaviour, 1);
    nghttp2_option_set_no_auto_window_update(behaviour, options.reads_all ? 0 : 1);
    nghttp2_session_callbacks_set_on_header_callback(calls, OnHeader);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, OnData);
    nghttp2_session_callbacks_set_on_frame_recv_callback(calls, OnFrame);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, OnClose);
    nghttp2_session_callbacks_set_send_callback(calls, OnSend);
    nghttp2_session_client_new2(&session_, calls, this, behaviour);
    nghttp2_option_del(behaviour);
    nghttp2_session_callbacks_del(calls);
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                        options.window_bytes};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
    Flush();
  }
  ~Http2TestClient() { nghttp2_session_del(session_); }
  Http2TestClient(const Http2TestClient&) = delete;
  Http2TestClient& operator=(const Http2TestClient&) = delete;

  // Sends a request, `body` and all as far as the windows go, and returns its stream. `promised`:
  // no body comes although one could.
  int32_t Ask(const Http2Fields& fields, std::optional<std::string> body = std::nullopt,
              bool promised = false) {
    std::vector<nghttp2_nv> pairs;
    for (const auto& [name, value] : fields) pairs.push_back(Pair(name, value));
    if (promised) {
      return nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, -1, nullptr, pairs.data(),
                                    pairs.size(), nullptr);
    }
    nghttp2_data_provider source{.source = {}, .read_callback = OnRead};
    const int32_t stream =
        nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(),
                               body ? &source : nullptr, nullptr);
    if (body) bodies_[stream] = std::move(*body);
    return stream;
  }
  int32_t Get(const std::string& path, const Http2Fields& more = {}) {
    return Ask(Head("GET", path, more));
  }
  int32_t Post(const std::string& path, std::string body, const Http2Fields& more = {}) {
    return Ask(Head("POST", path, more), std::move(body));
  }
  static Http2Fields Head(const std::string& method, const std::string& path,
                          const Http2Fields& more = {}) {
    Http2Fields fields = {
        {":method", method}, {":scheme", "https"}, {":path", path}, {":authority", "test"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return fields;
  }

  // Reads until it holds, or the connection is over.
  template <typename Condition>
  bool Until(Condition condition) {
    Flush();
    while (!condition()) {
      const std::string bytes = socket_.ReadSome();
      if (bytes.empty()) return false;
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()),
                                   bytes.size()) < 0) {
        return false;
      }
      Flush();
    }
    return true;
  }
  const Answer& AwaitClose(int32_t stream) {
    EXPECT_TRUE(Until([&] { return answers_[stream].closed.has_value(); })) << "stream " << stream;
    return answers_[stream];
  }
  const Answer& AwaitBody(int32_t stream, size_t bytes) {
    EXPECT_TRUE(Until([&] { return answers_[stream].body.size() >= bytes; }));
    return answers_[stream];
  }
  const Answer& AwaitHead(int32_t stream) {
    EXPECT_TRUE(Until([&] { return answers_[stream].status >= 200; }));
    return answers_[stream];
  }
  // The code of the server's goodbye, read to its end.
  std::optional<uint32_t> AwaitEnd() {
    Until([] { return false; });
    return goaway_;
  }
  std::optional<uint32_t> goaway() const { return goaway_; }
  Answer& answer(int32_t stream) { return answers_[stream]; }
  nghttp2_session* session() { return session_; }
  TestClient& socket() { return socket_; }
  // False: the server takes nothing any more.
  bool Flush() {
    nghttp2_session_send(session_);
    const bool sent = out_.empty() || socket_.Send(out_);
    out_.clear();
    return sent;
  }

 private:
  static Http2TestClient& Of(void* self) { return *static_cast<Http2TestClient*>(self); }
  static nghttp2_nv Pair(const std::string& name, const std::string& value) {
    return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
            reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
            NGHTTP2_NV_FLAG_NONE};
  }
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                      size_t name_length, const uint8_t* value, size_t value_length, uint8_t,
                      void* self) {
    Answer& answer = Of(self).answers_[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_length);
    const std::string text(reinterpret_cast<const char*>(value), value_length);
    if (key != ":status") {
      answer.headers.emplace(key, text);
    } else if (text == "100") {
      answer.asked_for_body = true;
    } else {
      answer.status = std::stoi(text);
    }
    return 0;
  }
  static int OnData(nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t length,
                    void* self) {
    Of(self).answers_[stream].body.append(reinterpret_cast<const char*>(data), length);
    return 0;
  }
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type == NGHTTP2_GOAWAY) Of(self).goaway_ = frame->goaway.error_code;
    if (frame->hd.type == NGHTTP2_DATA) ++Of(self).answers_[frame->hd.stream_id].frames;
    const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (last && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
      Of(self).answers_[frame->hd.stream_id].ended = true;
    }
    return 0;
  }
  static int OnClose(nghttp2_session*, int32_t stream, uint32_t code, void* self) {
    Of(self).answers_[stream].closed = code;
    return 0;
  }
  static ssize_t OnSend(nghttp2_session*, const uint8_t* data, size_t length, int, void* self) {
    Of(self).out_.append(reinterpret_cast<const char*>(data), length);
    return static_cast<ssize_t>(length);
  }
  static ssize_t OnRead(nghttp2_session*, int32_t stream, uint8_t* buffer, size_t length,
                        uint32_t* flags, nghttp2_data_source*, void* self) {
    std::string& body = Of(self).bodies_[stream];
    const size_t take = std::min(length, body.size());
    body.copy(reinterpret_cast<char*>(buffer), take);
    body.erase(0, take);
    if (body.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(take);
  }

  TestClient socket_;
  nghttp2_session* session_ = nullptr;
  std::string out_;
  std::map<int32_t, Answer> answers_;
  std::map<int32_t, std::string> bodies_;
  std::optional<uint32_t> goaway_;
};

}  // namespace skiff::http::testing
