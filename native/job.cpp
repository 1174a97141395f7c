#include "job.h"

#include <exception>
#include <memory>
#include <string>
#include <utility>

namespace modelpress {
namespace {

struct Job {
  std::function<void()> work;
  std::string failure;
  bool failed = false;
  napi_deferred deferred = nullptr;
  napi_ref arguments = nullptr;
  napi_async_work handle = nullptr;
};

void run(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  try {
    job.work();
  } catch (const std::exception& error) {
    job.failed = true;
    job.failure = error.what();
  }
}

// Also called while a worker is being torn down, when nothing of JavaScript can be reached any more: each
// call may fail then, and nobody waits for the promise.
void complete(napi_env env, napi_status, void* data) {
  const std::unique_ptr<Job> job(static_cast<Job*>(data));
  napi_value value = nullptr;
  if (job->failed) {
    napi_value message = nullptr;
    if (napi_create_string_utf8(env, job->failure.c_str(), NAPI_AUTO_LENGTH, &message) == napi_ok &&
        napi_create_error(env, nullptr, message, &value) == napi_ok)
      napi_reject_deferred(env, job->deferred, value);
  } else if (napi_get_undefined(env, &value) == napi_ok) {
    napi_resolve_deferred(env, job->deferred, value);
  }
  napi_delete_reference(env, job->arguments);
  napi_delete_async_work(env, job->handle);
}

void check(const Napi::CallbackInfo& info, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(info.Env());
}

}  // namespace

Napi::Value run_later(const Napi::CallbackInfo& info, std::function<void()> work) {
  const Napi::Env env = info.Env();
  Napi::Array arguments = Napi::Array::New(env, info.Length());
  for (size_t i = 0; i < info.Length(); ++i) arguments.Set(static_cast<uint32_t>(i), info[i]);

  auto job = std::make_unique<Job>();
  job->work = std::move(work);
  napi_value promise;
  check(info, napi_create_promise(env, &job->deferred, &promise));
  check(info, napi_create_reference(env, arguments, 1, &job->arguments));
  check(info, napi_create_async_work(env, nullptr, Napi::String::New(env, "modelpress"), run, complete,
                                     job.get(), &job->handle));
  check(info, napi_queue_async_work(env, job->handle));
  job.release();
  return Napi::Value(env, promise);
}

}  // namespace modelpress
