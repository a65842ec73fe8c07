import { describe, expect, it } from '@jest/globals';
import { createMetrics } from './metrics.ts';

async function scraped(use: (metrics: ReturnType<typeof createMetrics>) => void): Promise<string> {
  const metrics = createMetrics();
  use(metrics);
  const text = await metrics.text();
  metrics.close();
  return text;
}

describe('the metrics', () => {
  it('count requests by route, method and status', async () => {
    const text = await scraped((metrics) => {
      metrics.httpRequest('/api/v1/runs', 'GET', 200, 0.02);
      metrics.httpRequest('/api/v1/runs', 'GET', 200, 0.02);
    });
    expect(text).toContain(
      'neuroinsight_http_request_duration_seconds_count{route="/api/v1/runs",method="GET",status="200"} 2',
    );
  });

  it('put methods that nobody knows together, so that a client cannot make labels', async () => {
    const text = await scraped((metrics) => metrics.httpRequest('none', 'FUNKY', 405, 0.02));
    expect(text).toContain('method="other"');
    expect(text).not.toContain('FUNKY');
  });

  it('count steps, runs, deliveries, pulls and commits', async () => {
    const text = await scraped((metrics) => {
      metrics.runStep('segment', 1.5);
      metrics.runFinished('completed');
      metrics.delivery('pacs', 'failed', 0.2);
      metrics.pulled('pacs', 176, 1);
      metrics.commit(0.004, 12);
      metrics.damage('audit');
    });
    for (const line of [
      'neuroinsight_run_step_duration_seconds_count{step="segment"} 1',
      'neuroinsight_runs_finished_total{state="completed"} 1',
      'neuroinsight_delivery_duration_seconds_count{destination="pacs",outcome="failed"} 1',
      'neuroinsight_pulled_instances_total{source="pacs",outcome="stored"} 176',
      'neuroinsight_pulled_instances_total{source="pacs",outcome="refused"} 1',
      'neuroinsight_commit_duration_seconds_count 1',
      'neuroinsight_commit_group_size_sum 12',
      'neuroinsight_damage_total{kind="audit"} 1',
    ]) {
      expect(text).toContain(line);
    }
  });

  it('read gauges at each scrape, one number or one for each state', async () => {
    const metrics = createMetrics();
    let size = 1;
    metrics.gauge('neuroinsight_database_bytes', 'size', () => size);
    metrics.gauge('neuroinsight_runs', 'runs', async () =>
      Object.fromEntries(
        size === 1
          ? [
              ['queued', 3],
              ['running', 1],
            ]
          : [['queued', 2]],
      ),
    );
    expect(await metrics.text()).toMatch(/^neuroinsight_database_bytes 1$/m);
    size = 2;
    const text = await metrics.text();
    metrics.close();
    expect(text).toMatch(/^neuroinsight_database_bytes 2$/m);
    expect(text).toContain('neuroinsight_runs{state="queued"} 2');
    expect(text).not.toContain('state="running"');
  });

  it('leave a gauge out that cannot be read, and keep the others', async () => {
    const text = await scraped((metrics) => {
      metrics.gauge('neuroinsight_broken', 'broken', () => Promise.reject(new Error('gone')));
      metrics.gauge('neuroinsight_whole', 'whole', () => 7);
    });
    expect(text).toContain('neuroinsight_whole 7');
    expect(text).not.toMatch(/^neuroinsight_broken[ {]/m);
  });

  it('tell of the process: event loop, memory, processor, open files', async () => {
    const text = await scraped(() => {});
    expect(text).toMatch(/^neuroinsight_event_loop_delay_seconds\{state="p99"\} [\d.e+-]+$/m);
    expect(text).toMatch(/^neuroinsight_process_memory_bytes\{state="rss"\} \d+$/m);
    expect(text).toMatch(/^neuroinsight_process_cpu_seconds\{state="user"\} [\d.]+$/m);
    expect(text).toMatch(/^neuroinsight_process_uptime_seconds [\d.]+$/m);
    expect(text).toMatch(/^neuroinsight_process_open_files \d+$/m);
  });

  it('of two servers in one process do not add up', async () => {
    await scraped((metrics) => metrics.runFinished('completed'));
    expect(await scraped(() => {})).not.toContain('neuroinsight_runs_finished_total{state="completed"}');
  });
});
