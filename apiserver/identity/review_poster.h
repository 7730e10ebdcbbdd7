// Posts reviews to the server of a kubeconfig: whose a token is, who may do what. Again where
// kube-apiserver does: five times, half a second and more apart.
//
//   auto poster = TRY(ReviewPoster::Create(server, 3s, calls));
//   TRY(poster->Post(text, [&](const std::string& answer) { return Read(answer, verdict); }));
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/codec/json.h"
#include "apiserver/identity/outbound_calls.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "client/transport.h"
#include "http/client.h"

namespace skiff {

// Whether an answer is a review of this kind: what it does not say of itself is taken for said, as
// by Kubernetes' decoder.
bool IsReviewOf(const Json& answer, std::string_view kind, std::string_view api_version);

// Thread-safe.
class ReviewPoster {
 public:
  // `timeout`: of each try. `calls` outlives it. Invalid for what TLS cannot be made of.
  static Result<std::unique_ptr<ReviewPoster>> Create(HttpsOptions server, Duration timeout,
                                                      OutboundCalls& calls);

  static constexpr Duration kTimeMax = 30s;  // After which no further try begins.
  static constexpr int kTriesMax = 5;
  static constexpr size_t kAnswerBytesMax = size_t{1} << 20;

  // Of an answer of 2xx; what it refuses is not asked again.
  using Read = std::function<Result<>(const std::string& body)>;
  // Of each try: success, timeout, error or canceled, and the seconds that it took.
  using Told = std::function<void(const char* result, double seconds)>;
  // Waits.
  Result<> Post(const std::string& body, const Read& read, const Told& told = nullptr);
  // How many requests were sent.
  uint64_t sent() const { return sent_; }

 private:
  ReviewPoster(HttpsOptions server, Duration timeout, OutboundCalls& calls,
               http::Upstream upstream);
  Result<http::ClientRequest> RequestOf(const std::string& body) const;
  Result<WholeAnswer> Send(const std::string& body);

  const HttpsOptions server_;
  const Duration timeout_;
  OutboundCalls& calls_;
  const http::Upstream upstream_;
  const std::string target_, host_;
  std::atomic<uint64_t> sent_ = 0;
};

// Of one and the same question there is one at a time: who asks it as well waits for the first
// one's answer. Thread-safe.
template <typename Answer>
class SharedQuestions {
 public:
  // nullopt: nobody waits any more.
  std::optional<Answer> Ask(const std::string& digest, const std::function<Answer()>& find_out) {
    std::shared_ptr<Question> question;
    {
      MutexLock lock(mutex_);
      if (stopped_) return std::nullopt;
      auto& entry = under_way_[digest];
      if (entry) {
        question = entry;
        while (!question->answer && !question->ended && !stopped_) answered_.wait(lock);
        return question->answer;
      }
      entry = question = std::make_shared<Question>();
    }
    // Also where it throws: then nobody has an answer, and the next asker finds out himself.
    const Ending ending{*this, digest, *question};
    Answer answer = find_out();
    const MutexLock lock(mutex_);
    question->answer = answer;
    return answer;
  }
  void Stop() {
    {
      const MutexLock lock(mutex_);
      stopped_ = true;
    }
    answered_.notify_all();
  }

 private:
  struct Question {
    std::optional<Answer> answer;
    bool ended = false;
  };
  struct Ending {
    SharedQuestions& all;
    const std::string& digest;
    Question& question;
    ~Ending() {
      {
        const MutexLock lock(all.mutex_);
        question.ended = true;
        all.under_way_.erase(digest);
      }
      all.answered_.notify_all();
    }
  };
  Mutex mutex_;
  CondVar answered_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::map<std::string, std::shared_ptr<Question>> under_way_ GUARDED_BY(mutex_);
};

}  // namespace skiff
