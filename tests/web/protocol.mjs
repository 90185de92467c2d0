// Chromium by its own protocol, over a pipe: as somebody has it who opens a browser, where Playwright turns off the throttling of hidden
// tabs and makes every page believe that it is seen.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @param {string} path of Chromium @param {string[]} [more] arguments */
export async function launched(path, more = []) {
  const profile = mkdtempSync(join(tmpdir(), 'rhohat-page-'));
  const child = spawn(path, [
    '--headless', '--no-sandbox', '--no-first-run', '--remote-debugging-pipe', `--user-data-dir=${profile}`, '--window-size=1400,900', ...more, 'about:blank',
  ], { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
  const [write, read] = [child.stdio[3], child.stdio[4]];
  const waiting = new Map();
  const listeners = [];
  let [number, rest] = [0, ''];
  const ended = new Promise((resolve) => { child.once('exit', resolve); });
  ended.then(() => { for (const { reject } of waiting.values()) reject(new Error('Chromium has ended')); });
  read.setEncoding('utf8');
  read.on('data', (text) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop();
    for (const message of messages.map((each) => JSON.parse(each))) {
      const { resolve, reject, method } = waiting.get(message.id) ?? {};
      waiting.delete(message.id);
      if (message.error) reject?.(new Error(`${method}: ${message.error.message}`));
      else if (resolve) resolve(message.result);
      else for (const listener of listeners) listener(message);
    }
  });
  /** One call, of the browser or of a session with a page or a Worker. */
  const send = (method, params = {}, sessionId = undefined) => new Promise((resolve, reject) => {
    number += 1;
    waiting.set(number, { resolve, reject, method });
    write.write(`${JSON.stringify({ id: number, method, params, sessionId })}\0`);
  });

  /** A tab of the one window. */
  const tab = async (address, before = '') => {
    const { targetId } = await send('Target.createTarget', { url: 'about:blank' });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    const workers = [];
    listeners.push(({ method, params, sessionId: from }) => {
      if (from === sessionId && method === 'Target.attachedToTarget') workers.push(params.sessionId);
      if (from === sessionId && method === 'Target.detachedFromTarget') workers.splice(workers.indexOf(params.sessionId), 1);
    });
    const call = (method, params) => send(method, params, sessionId);
    await call('Page.enable');
    await call('Page.addScriptToEvaluateOnNewDocument', { source: before });
    await call('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: false, flatten: true });
    await call('Page.navigate', { url: address });
    const asked = async (session, expression) => {
      const { result, exceptionDetails } = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }, session);
      if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
      return result.value;
    };
    return { call, session: sessionId, workers, ask: (expression) => asked(sessionId, expression), askOf: asked, show: () => send('Target.activateTarget', { targetId }), close: () => send('Target.closeTarget', { targetId }) };
  };

  const close = async () => {
    send('Browser.close').catch(() => { /* it may end before it answers */ });
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  return { send, tab, close };
}
