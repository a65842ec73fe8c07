import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Action, malformedScope, permits, requireMetrics, requirePermission } from './scopes.ts';

const ACTIONS: readonly Action[] = ['c', 'r', 'u', 'd', 's'];
const granted = (scopes: string, type = 'Patient'): string =>
  ACTIONS.filter((action) => permits(scopes, action, type)).join('');

describe('scopes', () => {
  it.each([
    ['system/Patient.r', 'r'],
    ['system/Patient.cruds', 'cruds'],
    ['system/*.rs', 'rs'],
    ['system/Patient.read', 'rs'],
    ['system/Patient.write', 'cud'],
    ['system/*.*', 'cruds'],
    ['system/Observation.cruds system/Patient.s', 's'],
    ['  system/Patient.c   system/Patient.d ', 'cd'],
  ])('%s grants %s on Patient', (scopes, expected) => {
    expect(granted(scopes)).toBe(expected);
  });

  it.each([
    '',
    'system/Patient',
    'system/Patient.',
    'system/Patient.sr',
    'system/Patient.rr',
    'system/Patient.x',
    'system/Patient.R',
    'system/patient.r',
    'System/Patient.r',
    'system/Patient.rs?gender=female',
    'system/Patient.readwrite',
    'system/Pat*.r',
    'system/*Patient.r',
    'system/.r',
    'patient/Patient.r',
    'user/Patient.cruds',
    'system/Patient.r,system/Patient.u',
    'system/Patient.r\n',
    'system/Patient.r\tsystem/Patient.u',
    'neuroinsight/metrics.r',
    '*',
    'cruds',
  ])('%j grants nothing', (scopes) => {
    expect(granted(scopes)).toBe('');
  });

  it('grant on one type nothing on another, a prefix of its name included', () => {
    expect(granted('system/Patient.cruds', 'Observation')).toBe('');
    expect(granted('system/Patient.cruds', 'PatientLink')).toBe('');
    expect(granted('system/PatientLink.cruds', 'Patient')).toBe('');
    expect(granted('system/Patient.cruds', '*')).toBe('');
  });

  it('grant nothing whatever is written, unless it is one of the known forms', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        fc.pre(!/system\/(\*|[A-Z]\w+)\./.test(text));
        expect(granted(text)).toBe('');
      }),
    );
  });

  it('name the rule and the missing scope in a refusal', () => {
    const refusal = { kind: 'forbidden', message: 'refused by rule scope: system/Patient.r is needed' };
    expect(() => requirePermission({ scopes: 'system/Patient.cuds' }, 'r', 'Patient')).toThrow(
      expect.objectContaining(refusal),
    );
    expect(() => requirePermission({ scopes: 'system/Patient.r' }, 'r', 'Patient')).not.toThrow();
  });

  it.each(['neuroinsight/metrics.r', 'system/*.r', 'system/*.read', 'system/Patient.r system/*.cruds'])(
    '%s opens the metrics',
    (scopes) => {
      expect(() => requireMetrics({ scopes })).not.toThrow();
    },
  );

  it.each(['', 'system/Patient.r', 'system/*.cuds', 'neuroinsight/metrics.rs', 'neuroinsight/metrics'])(
    '%j does not open the metrics',
    (scopes) => {
      const message = 'refused by rule scope: neuroinsight/metrics.r is needed';
      expect(() => requireMetrics({ scopes })).toThrow(expect.objectContaining({ kind: 'forbidden', message }));
    },
  );

  it('tell which one is malformed before a key is made with it', () => {
    expect(malformedScope('system/*.cruds neuroinsight/metrics.r')).toBeUndefined();
    expect(malformedScope('system/*.cruds system/patient.r')).toBe('system/patient.r');
  });
});
