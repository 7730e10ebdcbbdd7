#include "apiserver/webhooks/detour.h"

#include <memory>

#include "api/codec/document_bytes.h"
#include "apiserver/request/late_answer.h"

namespace skiff {
namespace {

using Handle = std::function<http::Response(const http::Request&)>;

// What a request holds while it waits: its body, which counts no longer among those that the server
// takes in. At work it has the documents of it and of what it changes besides, and the text of it
// in the question to each that it waits for; of those of which few run at one time no more do.
OutboundPool::Held HeldBy(const std::string& body, const OutboundPool::Names& names,
                          size_t document_bytes) {
  if (OutboundPool::AreOfFew(names)) return body.size();
  const size_t of_body = body.empty() ? 0 : kDetouredDocuments * DocumentBytesOf(body);
  return {body.size(), (1 + names.size()) * body.size() + of_body + document_bytes};
}

class DetouredAnswer final : public http::PendingResponse {
 public:
  DetouredAnswer(OutboundPool& pool, OutboundPool::Names names, const http::Request& request,
                 Handle handle, Handle refuse, size_t document_bytes)
      : pool_(pool),
        names_(std::move(names)),
        request_(std::make_shared<const http::Request>(request)),
        handle_(std::move(handle)),
        refuse_(std::move(refuse)),
        document_bytes_(document_bytes) {}
  ~DetouredAnswer() override {
    waiting_->Leave();
    pool_.Leave(waiting_.get());
  }

  void Start(http::Reply reply) override {
    const auto work = [waiting = waiting_, request = request_, handle = std::move(handle_),
                       reply]() {
      // Who has left as his turn came wants nothing any more.
      if (waiting->left()) return;
      waiting->Answer(Guarded([&] { return handle(*request); }, *request), reply);
    };
    const auto overdue = [waiting = waiting_, request = request_, refuse = refuse_, reply]() {
      waiting->Answer(Guarded([&] { return refuse(*request); }, *request), reply);
    };
    const OutboundPool::Held held = HeldBy(request_->body, names_, document_bytes_);
    const bool taken = pool_.Submit(std::move(names_), work, held, overdue, waiting_.get());
    if (!taken) reply(Guarded([&] { return refuse_(*request_); }, *request_));
  }

 private:
  OutboundPool& pool_;
  OutboundPool::Names names_;
  const std::shared_ptr<const http::Request> request_;
  Handle handle_;
  const Handle refuse_;
  const size_t document_bytes_;
  const std::shared_ptr<LateAnswer> waiting_ = std::make_shared<LateAnswer>();
};

}  // namespace

http::Response Detour(OutboundPool& pool, OutboundPool::Names names, const http::Request& request,
                      Handle handle, Handle refuse, size_t document_bytes) {
  http::Response response;
  response.pending = std::make_unique<DetouredAnswer>(
      pool, std::move(names), request, std::move(handle), std::move(refuse), document_bytes);
  return response;
}

}  // namespace skiff
