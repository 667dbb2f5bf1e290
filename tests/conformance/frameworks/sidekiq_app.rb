# The jobs of an ordinary Sidekiq application at REDIS_URL; what they do is written to JOBS_LOG.
require "sidekiq"

# Seconds that it waits for a reply; usually one.
if ENV["JOBS_REDIS_TIMEOUT"]
  connection = { url: ENV["REDIS_URL"], timeout: Float(ENV["JOBS_REDIS_TIMEOUT"]) }
  Sidekiq.configure_client { |config| config.redis = connection }
  Sidekiq.configure_server { |config| config.redis = connection }
end

Sidekiq.configure_server do |config|
  # Scheduled jobs and retries are looked for every second or so instead of every five to fifteen.
  config.average_scheduled_poll_interval = 1
end

def note(what, job)
  File.open(ENV.fetch("JOBS_LOG"), "ab") { |log| log.syswrite("#{what} #{job}\n") }
end

class Work
  include Sidekiq::Worker
  sidekiq_options retry: 5

  def perform(job, seconds = 0.0)
    note("began", job)
    sleep seconds
    note("done", job)
  end
end

class Report
  include Sidekiq::Worker
  sidekiq_options queue: "reports"

  def perform(job)
    note("done", job)
  end
end

class ThirdTimeLucky
  include Sidekiq::Worker
  sidekiq_options retry: 5
  sidekiq_retry_in { 1 }

  def perform(job)
    tries = File.read(ENV.fetch("JOBS_LOG")).scan("began #{job}\n").size
    note("began", job)
    raise "not yet" if tries < 2

    note("done", job)
  end
end

class Hopeless
  include Sidekiq::Worker
  sidekiq_options retry: 0

  def perform(job)
    note("began", job)
    raise "it cannot be done"
  end
end
